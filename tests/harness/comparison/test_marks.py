"""What may be called a tie: a difference that is not significant, in a test that would have found one that matters."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.comparison.entries import Entry
from harness.comparison.marks import MATTERS, from_predictions, from_seeds, welch
from harness.comparison.paired_test import terms

RANKER = "bm25"


def entry(model, scores, metric="accuracy"):
    parameters = 0 if model == RANKER else 1000
    runs = tuple(
        {"seed": seed, "model": {"name": model, "params_total": parameters}, "scores": {"test": {metric: s}}}
        for seed, s in enumerate(scores)
    )
    return Entry(model, "tiny", "scratch", "nli/x", "f" * 64, metric, {}, 1e-3, {}, runs)


def answering(rates, examples, seed=0):
    """Entries of one run for each of an encoder's rates, whose answers are right at that rate, and where they are read."""
    rng = np.random.default_rng(seed)
    right = {model: [rng.random(examples) < rate for rate in each] for model, each in rates.items()}
    found = [entry(model, [float(hits.mean()) for hits in runs]) for model, runs in right.items()]
    found.sort(key=lambda one: -float(np.median(one.scores())))

    def predictions(run):
        hits = right[run["model"]["name"]][run["seed"]]
        return [{"split": "test", "id": f"{place:05}", "terms": [int(hit), 1]} for place, hit in enumerate(hits)]

    return found, predictions


def reader(predictions):
    return lambda one: terms(one, predictions)


def marks_of(found, marks):
    return {one.model: mark for one, mark in zip(found, marks, strict=True)}


FAR_APART = {
    "bert": (0.905, 0.91, 0.915),
    "avey-b": (0.898, 0.905, 0.912),
    "modernbert": (0.895, 0.9, 0.905),
    "roberta": (0.89, 0.9, 0.91),
    "neobert": (0.02, 0.26, 0.5),
}


def test_three_seeds_that_cannot_tell_0_26_from_0_91_are_no_tie():
    found = [entry(model, scores) for model, scores in FAR_APART.items()]
    marks = marks_of(found, from_seeds(found))
    p = stats.ttest_ind(FAR_APART["bert"], FAR_APART["neobert"], equal_var=False, alternative="greater").pvalue
    assert 4 * p > 0.05, "the case is one in which the test sees no difference"
    assert marks["neobert"] == "unclear"
    assert marks["bert"] == "best"


def test_predictions_of_three_seeds_that_cannot_tell_0_26_from_0_91_are_no_tie_either():
    found, predictions = answering(FAR_APART, examples=400)
    marks = marks_of(found, from_predictions(found, reader(predictions), 2000))
    assert marks["neobert"] == "unclear"


def test_equal_encoders_tie_where_the_test_would_detect_what_matters():
    rates = {"a": (0.9,) * 5, "b": (0.9,) * 5, "far": (0.8,) * 5}
    found, predictions = answering(rates, examples=4000)
    for marks in (from_predictions(found, reader(predictions), 2000), from_seeds(found)):
        assert sorted(marks_of(found, marks).items()) in (
            [("a", "best"), ("b", "tied"), ("far", "")],
            [("a", "tied"), ("b", "best"), ("far", "")],
        )


def test_equal_encoders_on_few_examples_cannot_be_told_apart_and_do_not_tie():
    found, predictions = answering({"a": (0.7,) * 5, "b": (0.7,) * 5}, examples=40)
    assert from_predictions(found, reader(predictions), 2000) == ["best", "unclear"]


@pytest.mark.parametrize(("second", "mark"), [((0.7, 0.71, 0.72), ""), ((0.8, 0.809, 0.818), "tied")])
def test_seeds_alone_tell_clear_differences_and_ties(second, mark):
    assert from_seeds([entry("a", (0.8, 0.81, 0.82)), entry("b", second)]) == ["best", mark]


def test_seeds_without_spread_differ_or_are_equal():
    best = entry("a", (0.8, 0.8))
    assert from_seeds([best, entry("b", (0.8, 0.8)), entry("c", (0.6, 0.6))]) == ["best", "tied", ""]


def test_a_single_seed_is_never_a_tie():
    assert from_seeds([entry("a", (0.8,)), entry("b", (0.8,))]) == ["best", "unclear"]
    three = [entry("a", (0.8, 0.81, 0.82)), entry("b", (0.3,)), entry("c", (0.1, 0.11, 0.12))]
    assert from_seeds(three) == ["best", "unclear", ""]
    found, predictions = answering({"a": (0.9,), "b": (0.9,), "far": (0.5,)}, examples=5000)
    marks = marks_of(found, from_predictions(found, reader(predictions), 2000))
    assert sorted(marks[model] for model in "ab") == ["best", "unclear"]
    assert marks["far"] == ""


def test_the_single_run_of_a_ranker_is_all_that_there_is():
    scores = (0.30, 0.31, 0.32)
    best = entry(RANKER, (0.33,))
    assert from_seeds([best, entry("a", scores)]) == ["best", "tied"]
    p = stats.ttest_1samp(scores, 0.33).pvalue
    assert welch(best.scores() * best.times_counted, scores, 0.05).p == pytest.approx(p)
    found, predictions = answering({RANKER: (0.9,), "a": (0.9,) * 3, "far": (0.5,) * 3}, examples=5000)
    marks = marks_of(found, from_predictions(found, reader(predictions), 2000))
    assert sorted(marks[model] for model in (RANKER, "a")) == ["best", "tied"]
    assert marks["far"] == ""


@pytest.mark.parametrize("seeds", [3, 10])
def test_the_better_of_two_equal_encoders_is_called_better_in_5_percent_of_tables(seeds):
    pairs = np.random.default_rng(4).normal(0.5, 0.01, size=(1500, 2, seeds))
    told = [from_seeds([entry("a", best), entry("b", worse)])[1] == "" for best, worse in map(_ranked, pairs)]
    assert 0.02 <= np.mean(told) <= 0.065


def _ranked(pair):
    return sorted(map(tuple, pair), key=np.median, reverse=True)


def test_a_clear_difference_is_found_among_a_hundred_encoders_and_more():
    found, predictions = answering({f"{n}": (0.9 if n else 0.1,) * 4 for n in range(102)}, examples=40)
    marks = marks_of(found, from_predictions(found, reader(predictions), 100))
    assert marks["0"] == ""


def test_no_entry_and_one_entry():
    assert from_predictions([], lambda run: [], 100) == []
    assert from_seeds([entry("a", (0.8,))]) == ["best"]
    found, predictions = answering({"a": (0.9,)}, examples=10)
    assert from_predictions(found, reader(predictions), 100) == ["best"]


def test_a_difference_as_large_as_the_detectable_one_is_found_with_probability_0_8():
    rng = np.random.default_rng(3)
    deviation, seeds, level = 0.01, 8, 0.0125
    samples = rng.normal(0.5, deviation, size=(1500, 2, seeds))
    detectable = float(np.mean([welch(best, scores, level).detectable for best, scores in samples[:200]]))
    found = np.mean([welch(best + detectable, scores, level).p < level for best, scores in samples])
    assert 0.76 <= found <= 0.84
    assert 0 < detectable < MATTERS


def test_runs_of_one_pretraining_are_no_independent_seeds():
    """Six runs from two pretrainings that lie far apart know two values, not six."""
    scores = (0.80, 0.801, 0.802, 0.60, 0.601, 0.602)
    runs = tuple(
        {
            "seed": n % 3,
            "model": {"name": "b", "pretraining": {"seed": n // 3}},
            "scores": {"test": {"accuracy": score}},
        }
        for n, score in enumerate(scores)
    )
    pretrained = Entry("b", "tiny", "ckpt", "nli/x", "f" * 64, "accuracy", {}, 1e-3, {}, runs)
    best = entry("a", (0.91, 0.912, 0.914, 0.916, 0.918, 0.92))
    assert from_seeds([best, entry("b", scores)]) == ["best", ""]
    assert from_seeds([best, pretrained]) == ["best", "unclear"]


@pytest.mark.parametrize(("data", "rate"), [(11, 0.8645), (21, 0.8595)])
def test_a_p_value_near_the_level_is_drawn_often_enough_that_the_seed_of_the_resamples_does_not_decide(data, rate):
    found, predictions = answering({"a": (0.9,) * 3, "b": (rate,) * 3}, examples=300, seed=data)
    assert len({tuple(from_predictions(found, reader(predictions), 500, seed=seed)) for seed in range(6)}) == 1


def test_pretrainings_that_are_equal_by_luck_tell_no_more_than_their_runs():
    scores = {"bert": (0.71, 0.75, 0.83, 0.711, 0.751, 0.831), "roberta": (0.70, 0.74, 0.82, 0.701, 0.741, 0.821)}
    found = [
        replace(one, runs=tuple(run | {"model": pretrained(place // 3)} for place, run in enumerate(one.runs)))
        for one in (entry(model, values) for model, values in scores.items())
    ]
    assert [one.independent_scores() for one in found] == [
        pytest.approx([0.7633, 0.7643], abs=1e-3),
        pytest.approx([0.7533, 0.7543], abs=1e-3),
    ]
    assert welch(*(one.independent_scores() for one in found), 0.05).p < 0.05, (
        "the averages alone would tell them apart"
    )
    p = stats.ttest_ind(scores["bert"], scores["roberta"], equal_var=False, alternative="greater").pvalue
    assert p > 0.3
    assert from_seeds(found) == ["best", "unclear"]


def pretrained(seed):
    return {"name": "bert", "pretraining": {"seed": seed}}
