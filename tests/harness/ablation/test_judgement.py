"""Differences, intervals and verdicts by known inputs and independent formulas."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from harness.ablation.judgement import (
    AGREES,
    CANNOT_TELL,
    DISAGREES,
    NO_FINDING,
    ONE_SEED,
    held_out_difference,
    judge,
    judge_held_out,
    paired_difference,
    verdict,
)
from harness.comparison.stats import Estimate
from models.ablations import Finding

WORSE = Finding("worse", "is worse", "a paper", ("ner",))


@pytest.mark.parametrize(
    ("claim", "low", "high", "better", "said"),
    [
        ("worse", -0.2, -0.1, "higher", AGREES),
        ("worse", 0.1, 0.2, "higher", DISAGREES),
        ("better", 0.1, 0.2, "higher", AGREES),
        ("better", -0.2, -0.1, "higher", DISAGREES),
        ("worse", 0.1, 0.2, "lower", AGREES),
        ("better", 0.1, 0.2, "lower", DISAGREES),
        ("worse", -0.1, 0.2, "higher", CANNOT_TELL),
        ("worse", -0.1, 0.0, "higher", CANNOT_TELL),
        ("better", math.nan, math.nan, "higher", CANNOT_TELL),
    ],
)
def test_the_interval_decides_the_word(claim, low, high, better, said):
    assert verdict(claim, Estimate((low + high) / 2, low, high), better) == said


def test_held_out_losses_are_compared_seed_by_seed():
    ours, theirs = [1.93, 1.99, 2.08, 1.95], [1.90, 1.97, 2.01, 1.94]
    expected = ttest_rel(ours, theirs).confidence_interval(0.95)
    found = held_out_difference(ours, theirs)
    assert found == pytest.approx((np.mean(ours) - np.mean(theirs), expected.low, expected.high), abs=1e-3)


def test_one_pretraining_seed_has_no_interval_of_held_out_loss():
    found = held_out_difference([1.9], [2.0])
    assert found.value == pytest.approx(-0.1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def answers(probability, runs, rng, examples=400):
    """Terms of runs that answer each example rightly with this probability."""
    right = rng.random((runs, examples)) < probability
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


def test_fine_tuning_seeds_of_one_checkpoint_are_no_independent_runs():
    rng = np.random.default_rng(0)
    # Checkpoints differ, fine-tuning seeds hardly: many seeds of two checkpoints say as little as one of each.
    ours = np.concatenate([answers(probability, 8, rng) for probability in (0.6, 0.8)])
    theirs = np.concatenate([answers(probability, 8, rng) for probability in (0.5, 0.7)])
    origins = [0] * 8 + [1] * 8
    found = paired_difference((ours, origins), (theirs, origins), np.random.default_rng(1), 2000)
    taken_for_independent = paired_difference((ours, range(16)), (theirs, range(16)), np.random.default_rng(1), 2000)
    assert found.value == pytest.approx(taken_for_independent.value)
    assert found.high - found.low > 2 * (taken_for_independent.high - taken_for_independent.low)


class Made:
    """Finished cells with made-up answers, and their predictions."""

    def __init__(self, *variants):
        self.rows = {}
        self.sides = [self._side(name, *given) for name, given in enumerate(variants)]

    def _side(self, name, probability, pretraining_seeds, seeds):
        rng = np.random.default_rng(name)
        runs = {}
        for one in range(pretraining_seeds):
            for seed in range(seeds):
                key = f"{name}-{one}-{seed}"
                shares = answers(probability, 1, rng)[0]
                self.rows[key] = [
                    {"split": "test", "id": f"{place:03}", "terms": list(pair)} for place, pair in enumerate(shares)
                ]
                runs.setdefault(one, []).append(self._run(key, seed, one, float(shares[:, 0].mean())))
        return runs

    @staticmethod
    def _run(key, seed, pretraining, accuracy):
        return {
            "key": key,
            "seed": seed,
            "model": {
                "name": "m",
                "size": "custom",
                "weights": "w",
                "pretraining": {"group": "g", "seed": pretraining, "tokens": 10**6},
            },
            "task": {"dataset": "ner/x", "fingerprint": "f", "metric": "accuracy"},
            "recipe": {"learning_rate": 1e-3},
            "scores": {"dev": {"accuracy": 0.5}, "test": {"accuracy": accuracy}},
        }

    def judged(self, finding=WORSE):
        return judge("v", "ner/x", finding, *self.sides, lambda run: self.rows[run["key"]])


def test_a_clear_difference_agrees_or_disagrees_by_its_side():
    assert Made((0.5, 2, 2), (0.8, 2, 2)).judged().verdict == AGREES
    assert Made((0.8, 2, 2), (0.5, 2, 2)).judged().verdict == DISAGREES
    assert Made((0.65, 2, 2), (0.65, 2, 2)).judged().verdict == CANNOT_TELL


def test_scores_and_difference_are_those_of_the_runs():
    made = Made((0.5, 2, 2), (0.8, 2, 2))
    means = [
        np.mean([run["scores"]["test"]["accuracy"] for group in side.values() for run in group]) for side in made.sides
    ]
    found = made.judged()
    assert (found.score, found.baseline) == pytest.approx(tuple(means))
    assert found.difference.value == pytest.approx(means[0] - means[1])
    assert (found.pretraining_seeds, found.seeds, found.note) == (2, 2, "")


def test_one_seed_cannot_tell_however_large_the_difference():
    found = Made((0.1, 1, 1), (0.9, 1, 1)).judged()
    assert found.verdict == CANNOT_TELL
    assert found.note == ONE_SEED
    assert math.isnan(found.difference.low)


def test_one_pretraining_seed_is_named_beside_its_verdict():
    found = Made((0.1, 1, 3), (0.9, 1, 3)).judged()
    assert found.verdict == AGREES
    assert "these weights alone" in found.note


@pytest.mark.parametrize("finding", [None, Finding("worse", "is worse", "a paper", ("span",))])
def test_where_no_finding_speaks_of_the_task_there_is_no_verdict(finding):
    found = Made((0.1, 2, 2), (0.9, 2, 2)).judged(finding)
    assert (found.verdict, found.finding, found.source) == ("", NO_FINDING, "")
    assert found.difference.high < 0


def test_seeds_that_one_side_lacks_are_left_out():
    made = Made((0.5, 3, 2), (0.8, 3, 2))
    made.sides[0][1].pop()
    found = made.judged()
    assert (found.pretraining_seeds, found.seeds) == (2, 2)
    made.sides[0].clear()
    lacking = made.judged()
    assert lacking.verdict == CANNOT_TELL
    assert "the variant has no finished runs" in lacking.note


def test_held_out_rows_of_the_same_length_are_compared():
    def record(bits):
        return {"scores": {"heldout_by_rows": {"64": {"bits_per_byte": bits}, "32": {"bits_per_byte": 9.0}}}}

    ours, theirs = {0: record(1.5), 1: record(1.7), 2: record(9)}, {0: record(1.4), 1: record(1.5)}
    found = judge_held_out("v", ours, theirs, 64)
    assert (found.score, found.baseline) == pytest.approx((1.6, 1.45))
    assert (found.verdict, found.pretraining_seeds) == ("", 2)
    assert judge_held_out("v", ours, {}, 64).note.startswith("the baseline has no finished runs")
