"""Examples on which encoders disagree: whose predictions are read, and what counts as right."""

import json

import pytest

from harness.report.comparable import comparisons
from harness.report.disagreements import entities, median_run, of_comparison
from harness.store import Store


def compared(store, *runs):
    (found,) = comparisons(runs, lambda ranked: ([""] * len(ranked), ""))
    return of_comparison(found, Store(store))


@pytest.mark.parametrize(
    ("family", "good", "bad", "chips"),
    [
        (
            "ner",
            {"tokens": ["in", "New", "York"], "gold": ["O", "B-LOC", "I-LOC"], "predicted": ["O", "B-LOC", "I-LOC"]},
            {"tokens": ["in", "New", "York"], "gold": ["O", "B-LOC", "I-LOC"], "predicted": ["O", "B-LOC", "O"]},
            (("New · LOC", "wrong"), ("New York · LOC", "missed")),
        ),
        (
            "span",
            {"question": "q", "gold": ["the axis"], "predicted": "axis", "terms": [1.0, 1]},
            {"question": "q", "gold": ["the axis"], "predicted": "", "terms": [0.0, 1]},
            (("no answer", "wrong"),),
        ),
        (
            "nli",
            {"gold": "neutral", "predicted": "neutral"},
            {"gold": "neutral", "predicted": "entailment"},
            (("entailment", "wrong"),),
        ),
        (
            "retrieval",
            {"query": "q", "gold": {"d1": 1, "d2": 0}, "predicted": [["d1", 0.9], ["d2", 0.8]]},
            {"query": "q", "gold": {"d1": 1, "d2": 0}, "predicted": [["d2", 0.9], ["d1", 0.8]]},
            (("d1 at rank 2", "wrong"),),
        ),
    ],
)
def test_right_and_wrong_answers_of_every_kind_of_task(tmp_path, make_run, lay_run, family, good, bad, chips):
    one, other = make_run("one", f"{family}/x"), make_run("other", f"{family}/x", score=0.4)
    for run, row in ((one, good), (other, bad)):
        lay_run(tmp_path, run, [{"split": "test", "id": "7", **row}, {"split": "test", "id": "same", **good}])
    found = compared(tmp_path, one, other)
    assert (found.n_compared, found.n_differing) == (2, 1)
    (example,) = found.examples
    assert example.id == "7"
    assert [(answer.models, answer.right) for answer in example.answers] == [(("one",), True), (("other",), False)]
    assert example.answers[1].chips == chips


def test_the_run_with_the_median_score_speaks_for_an_encoder(make_run):
    (found,) = comparisons(
        [make_run(seed=seed, score=score) for seed, score in enumerate((0.9, 0.5, 0.6))],
        lambda ranked: ([""] * len(ranked), ""),
    )
    assert median_run(found.standings[0])["seed"] == 2


def test_predictions_that_are_missing_or_damaged_leave_one_encoder_out_and_say_so(tmp_path, make_run, lay_run):
    runs = [make_run(name, "nli/x", score=0.5) for name in "abcd"]
    row = {"split": "test", "id": "1", "gold": "yes", "predicted": "yes"}
    lay_run(tmp_path, runs[0], [row])
    lay_run(tmp_path, runs[1], [row | {"predicted": "no"}])
    lay_run(tmp_path, runs[2])
    (lay_run(tmp_path, runs[3], [row]) / "predictions.jsonl").write_text('{"split": "te')
    found = compared(tmp_path, *runs)
    assert found.unreadable == ("c", "d")
    assert found.n_differing == 1


def test_a_record_cannot_name_a_file_outside_of_its_folder(tmp_path, make_run, lay_run):
    secret = tmp_path / "secret.jsonl"
    secret.write_text(json.dumps({"split": "test", "id": "1", "gold": "a", "predicted": "secret"}))
    store = tmp_path / "runs"
    runs = [make_run(name, "nli/x", predictions="../../secret.jsonl") for name in "ab"]
    for run in runs:
        lay_run(store, run)
    assert compared(store, *runs).unreadable == ("a", "b")


def test_entities_follow_conlleval():
    tokens = list("abcdef")
    assert entities(tokens, ["B-X", "I-X", "I-Y", "O", "B-Y", "B-Y"]) == {
        (0, 2, "X"): "a b · X",
        (2, 3, "Y"): "c · Y",
        (4, 5, "Y"): "e · Y",
        (5, 6, "Y"): "f · Y",
    }
    assert entities(tokens, ["O"] * 6) == {}
