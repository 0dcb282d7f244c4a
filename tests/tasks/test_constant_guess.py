"""What a model scores that gives every example the same answer."""

import pytest

from tasks import TASKS
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Answer, Question
from tasks.task import constant_guess


def test_the_most_frequent_label_scores_its_share():
    examples = [LabelledText("a", None, label, str(n)) for n, label in enumerate(["x", "y", "y", "z", "y"])]
    assert constant_guess(TASKS["classification"], examples) == 0.6
    assert constant_guess(TASKS["nli"], examples) == 0.6


def test_no_answer_scores_the_share_of_questions_without_one():
    questions = [Question(str(n), "?", "it is red", (Answer("red", 6),) if n else ()) for n in range(4)]
    assert constant_guess(TASKS["span"], questions) == 0.25
    assert constant_guess(TASKS["span"], questions[1:]) == 0.0


@pytest.mark.parametrize("family", ["ner", "needle", "retrieval", "mteb"])
def test_nothing_is_found_by_a_constant_answer(family):
    assert constant_guess(TASKS[family], [object()]) == 0.0
    assert constant_guess(TASKS[family], []) == 0.0
