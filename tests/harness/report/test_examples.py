"""The examples of a comparison: whose predictions are read, what counts as right, and what is kept."""

import json

import pytest

from harness.report.answers import confidence, entities
from harness.report.comparable import comparisons
from harness.report.examples import division, examples, median_run, read
from harness.store import Store


def compared(store, *runs):
    (found,) = comparisons(runs, lambda ranked: ([""] * len(ranked), ""))
    predicted = read(found, Store(store))
    return examples(predicted), predicted


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
            "multilabel",
            {"gold": ["joy", "love"], "predicted": ["joy", "love"]},
            {"gold": ["joy", "love"], "predicted": ["fear", "joy"]},
            (("fear", "wrong"), ("joy", "right"), ("love", "missed")),
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
    found, _ = compared(tmp_path, one, other)
    assert (found.n_compared, found.n_differing) == (2, 1)
    (example,) = found.worth_seeing
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
    found, predicted = compared(tmp_path, *runs)
    assert predicted.unreadable == ("c", "d")
    assert found.n_differing == 1


def test_a_record_cannot_name_a_file_outside_of_its_folder(tmp_path, make_run, lay_run):
    secret = tmp_path / "secret.jsonl"
    secret.write_text(json.dumps({"split": "test", "id": "1", "gold": "a", "predicted": "secret"}))
    store = tmp_path / "runs"
    runs = [make_run(name, "nli/x", predictions="../../secret.jsonl") for name in "ab"]
    for run in runs:
        lay_run(store, run)
    assert compared(store, *runs)[1].unreadable == ("a", "b")


def test_entities_follow_conlleval():
    tokens = list("abcdef")
    assert entities(tokens, ["B-X", "I-X", "I-Y", "O", "B-Y", "B-Y"]) == {
        (0, 2, "X"): "a b · X",
        (2, 3, "Y"): "c · Y",
        (4, 5, "Y"): "e · Y",
        (5, 6, "Y"): "f · Y",
    }
    assert entities(tokens, ["O"] * 6) == {}


def answers_of(right: str, n: int = 40) -> list[dict]:
    """Predictions of ten labels on `n` examples, right where the pattern, which repeats, has a 1."""
    return [
        {
            "split": "test",
            "id": str(number),
            "gold": f"l{number % 10}",
            "predicted": f"l{number % 10}" if right[number % len(right)] == "1" else f"l{(number + 1) % 10}",
            "probabilities": {f"l{number % 10}": 0.2, f"l{(number + 1) % 10}": round(0.5 + number / 100, 2)},
        }
        for number in range(n)
    ]


@pytest.fixture
def patterns(tmp_path, make_run, lay_run):
    """Three encoders; of four examples all are right on one, one on the next, none on the next, two on the last."""
    runs = [make_run(name, "nli/x", score=0.5) for name in "abc"]
    for run, right in zip(runs, ("1100", "1001", "1001"), strict=True):
        lay_run(tmp_path, run, answers_of(right))
    return compared(tmp_path, *runs)[0]


def test_every_example_is_counted_by_who_is_right_and_those_with_a_mistake_are_kept(patterns):
    assert patterns.n_compared == 40
    assert patterns.n_by_right == {
        frozenset("abc"): 10,
        frozenset("a"): 10,
        frozenset(): 10,
        frozenset("bc"): 10,
    }
    assert patterns.n_differing == 20
    assert len(patterns.worth_seeing) == 30
    assert patterns.labels == tuple(f"l{number}" for number in range(10))


@pytest.mark.parametrize("room", [3, 9, 15, 30])
def test_wherever_the_examples_are_cut_each_kind_has_its_share_and_the_most_confident_mistakes_stay(patterns, room):
    kept = patterns.worth_seeing[:room]
    kinds = [[example for example in kept if example.right == frozenset(right)] for right in ("a", "", "bc")]
    assert [len(kind) for kind in kinds] == [room // 3] * 3
    for kind in kinds:
        sure = [example.wrong_confidence for example in kind]
        left = [one.wrong_confidence for one in patterns.worth_seeing[room:] if one.right == kind[0].right]
        assert min(sure) >= max(left, default=0)
    assert [len(example.right) for example in sorted(kept, key=division)] == [
        *[len(one.right) for one in kept if one.right],
        *[0] * (room // 3),
    ]


def test_one_encoder_alone_has_its_mistakes(tmp_path, make_run, lay_run):
    run = make_run("a", "nli/x")
    lay_run(tmp_path, run, answers_of("10"))
    found, _ = compared(tmp_path, run)
    assert (found.n_compared, found.n_differing, len(found.worth_seeing)) == (40, 0, 20)
    assert found.n_by_right == {frozenset("a"): 20, frozenset(): 20}


def test_free_answers_are_no_labels(tmp_path, make_run, lay_run):
    run = make_run("a", "needle/x")
    lay_run(tmp_path, run, [{"split": "test", "id": str(n), "gold": f"word {n}", "predicted": "no"} for n in range(30)])
    assert compared(tmp_path, run)[0].labels == ()


@pytest.mark.parametrize(
    ("row", "sure"),
    [
        ({"predicted": "a", "probabilities": {"a": 0.7, "b": 0.3}}, 0.7),
        ({"tokens": ["x", "y"], "gold": ["O", "O"], "predicted": ["O", "B-X"], "probabilities": [0.9, 0.6]}, 0.6),
        ({"tokens": [], "gold": [], "predicted": [], "probabilities": []}, None),
        ({"predicted": "a"}, None),
        ({"predicted": "a", "probabilities": {"a": "very"}}, None),
        ({"predicted": "a", "probabilities": {"b": 1.0}}, None),
        ({"predicted": "a", "probabilities": {"a": float("nan")}}, None),
        ({"gold": ["a"], "predicted": ["a"], "probabilities": {"a": 0.5}}, None),
    ],
)
def test_the_confidence_of_an_answer(row, sure):
    assert confidence(row) == sure
