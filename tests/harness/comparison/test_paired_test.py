"""Comparisons of entries: several together, and with entries whose single run no seed can change."""

import numpy as np
import pytest
from scipy.stats import norm, t

from harness.comparison.entries import entries
from harness.comparison.paired_test import compare
from tests.records import run_record

EXAMPLES = 1000
UNTRAINED = {"recipe": {"epochs": 0.0, "max_steps": None}}
FIXED = {
    "ranker": {"model": {"weights": "none", "params_total": 0}, **UNTRAINED},
    "given weights, untrained": {"model": {"weights": "hub"}, **UNTRAINED},
}
DRAWN = {
    "trained": {"model": {"weights": "hub"}},
    "random weights, untrained": UNTRAINED,
    "fine-tuned elsewhere": {"model": {"weights": "hub"}, "trained": {"identity": "x"}, **UNTRAINED},
}


def pair(single, scores, single_score, seed=0):
    """An entry of one run with these changes and one of a trained model with several seeds, and the reader of their answers.

    The first answers to all examples are right as often as the scores say; runs of one model agree as far as they can.
    """
    order = np.random.default_rng(seed).permutation(EXAMPLES)
    runs = [run_record("one", "nli/x", score=single_score, **single)]
    runs += [run_record("several", "nli/x", number, score=score) for number, score in enumerate(scores)]
    answers = {run["key"]: order < round(run["scores"]["test"]["accuracy"] * EXAMPLES) for run in runs}

    def predictions(run):
        return [
            {"split": "test", "id": f"{place:05}", "terms": [int(right), 1]}
            for place, right in enumerate(answers[run["key"]])
        ]

    found = {entry.model: entry for entry in entries(runs)}
    return (found["one"], found["several"]), predictions


@pytest.mark.parametrize("single", FIXED.values(), ids=FIXED)
def test_a_run_that_no_seed_can_change_has_no_spread_over_seeds(single):
    scores = [0.30, 0.31, 0.32]
    both, predictions = pair(single, scores, 0.29)
    (found,) = compare([both], predictions, predictions)
    value, low, high = found.difference.estimate
    assert value == pytest.approx(-0.02)
    # Nested answers: the only spread over examples is that of the two in a hundred on which the sides differ.
    of_examples = 0.02 * 0.98 / EXAMPLES
    of_seeds = np.var(scores, ddof=1) / len(scores)
    assert of_examples < of_seeds
    assert high - low == pytest.approx(2 * t.ppf(0.975, 2) * np.sqrt(of_seeds), rel=0.12)
    assert found.notes == ()


@pytest.mark.parametrize("single", DRAWN.values(), ids=DRAWN)
def test_a_single_run_of_what_a_seed_can_change_takes_over_the_spread_of_the_other_side(single):
    fixed, predictions = pair(FIXED["ranker"], [0.30, 0.31, 0.32], 0.29)
    (narrow,) = compare([fixed], predictions, predictions)
    both, predictions = pair(single, [0.30, 0.31, 0.32], 0.29)
    (wide,) = compare([both], predictions, predictions)
    assert _width(wide) > 1.8 * _width(narrow)
    assert any("has one run" in note for note in wide.notes)


def _width(found):
    _, low, high = found.difference.estimate
    return high - low


def test_two_runs_that_no_seed_can_change_are_compared_for_good():
    both, predictions = pair(FIXED["ranker"], [0.30], 0.29)
    other, _ = pair(FIXED["given weights, untrained"], [0.30], 0.31)
    (found,) = compare([(both[0], other[0])], predictions, lambda run: _answers(0.31))
    assert found.difference.over_seeds
    assert found.notes == ()


def _answers(rate):
    return [
        {"split": "test", "id": f"{place:05}", "terms": [int(place < rate * EXAMPLES), 1]} for place in range(EXAMPLES)
    ]


def test_what_a_test_could_detect_is_of_the_level_that_is_left_for_it():
    both, predictions = pair(DRAWN["trained"], [0.30], 0.29)
    (alone,) = compare([both], predictions, predictions)
    together = compare([both] * 10, predictions, predictions)
    ratio = (norm.ppf(1 - 0.005 / 2) + norm.ppf(0.8)) / (norm.ppf(1 - 0.05 / 2) + norm.ppf(0.8))
    (detectable,) = {one.difference.minimum_detectable for one in together}
    assert detectable == pytest.approx(ratio * alone.difference.minimum_detectable, rel=0.1)
    assert {one.difference.estimate for one in together} == {alone.difference.estimate}


def test_few_resamples_do_not_hide_a_clear_difference_among_many():
    clear, predictions = pair(DRAWN["trained"], [0.90], 0.30)
    assert all(one.significant for one in compare([clear] * 11, predictions, predictions, resamples=100))
