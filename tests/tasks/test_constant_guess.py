"""What a model scores that gives every example the same answer."""

import numpy as np
import pytest

from tasks import TASKS
from tasks.multilabel import Found
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Answer, Question
from tasks.sources.target_text import TargetText
from tasks.task import constant_guess


def test_the_most_frequent_label_scores_its_share():
    examples = [LabelledText("a", None, label, str(n)) for n, label in enumerate(["x", "y", "y", "z", "y"])]
    assert constant_guess(TASKS["classification"], examples) == 0.6
    assert constant_guess(TASKS["nli"], examples) == 0.6


def test_by_a_declared_metric_the_best_constant_label_is_guessed():
    def examples(*labels):
        return [LabelledText("a", "b", label, str(n)) for n, label in enumerate(labels)]

    task = TASKS["classification"]
    assert constant_guess(task.for_dataset("cola", None), examples("acceptable", "unacceptable")) == 0.0
    # Always "equivalent": accuracy 1/4, F1 2 * 1 / (4 + 1).
    mrpc = examples("equivalent", "not_equivalent", "not_equivalent", "not_equivalent")
    assert constant_guess(task.for_dataset("mrpc", None), mrpc) == pytest.approx(max((0.25 + 0.4) / 2, 0.75 / 2))
    # Always "neutral": accuracy 1/2, F1 2/3 of it and 0 of the other.
    assert constant_guess(TASKS["nli"].for_dataset("cb", None), examples("neutral", "entailment")) == pytest.approx(
        (1 / 2 + 1 / 3) / 2
    )


def test_chance_of_several_labels_is_the_mean_over_those_that_models_are_scored_by():
    labels = tuple("abcdefgh")
    examples = [TargetText("t", None, target, str(n)) for n, target in enumerate([("a",), ("b",), ("a", "b"), ()])]
    task, perfect = TASKS["multilabel"], [[float(label in example.target) for label in labels] for example in examples]
    scores = task.score(examples, [Found(np.array(row), labels) for row in perfect])
    assert scores[task.metric] == 2 / 8  # six labels are in train only
    # Always a and b: each is right in half of the examples, so precision 1/2 and recall 1.
    assert constant_guess(task, examples, labels) == pytest.approx(2 / 3 * 2 / 8)


def test_the_same_score_for_all_has_no_correlation():
    assert constant_guess(TASKS["sts"], [TargetText("a", "b", 1.0, "0"), TargetText("c", "d", 2.0, "1")]) == 0.0


def test_no_answer_scores_the_share_of_questions_without_one():
    questions = [Question(str(n), "?", "it is red", (Answer("red", 6),) if n else ()) for n in range(4)]
    assert constant_guess(TASKS["span"], questions) == 0.25
    assert constant_guess(TASKS["span"], questions[1:]) == 0.0


@pytest.mark.parametrize("family", ["ner", "needle", "retrieval", "mteb"])
def test_nothing_is_found_by_a_constant_answer(family):
    assert constant_guess(TASKS[family], [object()]) == 0.0
    assert constant_guess(TASKS[family], []) == 0.0
