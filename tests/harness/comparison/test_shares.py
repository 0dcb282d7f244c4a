"""Coverage of intervals, and false alarms of paired tests, for metrics that are no mean over examples: by simulation."""

import numpy as np
import pytest

from harness.comparison import stats
from tasks.shares import macro_f1_shares, pearson_shares, shares_by_leaving_out, spearman_shares

EXPERIMENTS = 300
EXAMPLES = 300


def binary(rng, size, runs=1):
    """Gold labels with 70 % of one kind, as CoLA has, and the answers of some runs, which are right or wrong on the same examples."""
    gold = (rng.random(size) < 0.7).astype(int)
    hard = rng.random(size) < 0.4
    answers = [np.where(hard & (rng.random(size) < 0.6), 1 - gold, gold) for _ in range(runs)]
    return gold, answers


def scored(rng, size, runs=1):
    """Gold scores from 0 to 5 in fifths, and predictions that correlate by 0.8 to 0.9 and share a part of their error."""
    gold = np.round(rng.uniform(0, 5, size) * 5) / 5
    shared = rng.normal(size=size)
    return gold, [gold + 0.7 * shared + 0.7 * rng.normal(size=size) for _ in range(runs)]


def several(rng, size, runs=1):
    """Four labels, the rarest on one text in twenty, and answers that miss and invent some."""
    gold = rng.random((size, 4)) < np.array([0.4, 0.2, 0.1, 0.05])
    hard = rng.random((size, 4)) < 0.3
    answers = [np.where(hard & (rng.random((size, 4)) < 0.5), rng.random((size, 4)) < 0.2, gold) for _ in range(runs)]
    return gold, answers


def counts(gold, found, weights):
    """True and false positives, false and true negatives; scikit-learn takes too long for thousands of simulated test sets."""
    return [sum(weights[(np.array(gold) == g) & (np.array(found) == f)]) for g, f in ((1, 1), (0, 1), (1, 0), (0, 0))]


def matthews(gold, found):
    def metric(*given):
        tp, fp, fn, tn = counts(*given)
        return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

    return shares_by_leaving_out(gold.tolist(), found.tolist(), metric)


def accuracy_f1(gold, found):
    def metric(*given):
        tp, fp, fn, tn = counts(*given)
        return ((tp + tn) / (tp + fp + fn + tn) + 2 * tp / (2 * tp + fp + fn)) / 2

    return shares_by_leaving_out(gold.tolist(), found.tolist(), metric)


def macro_f1(gold, found):
    return macro_f1_shares(np.stack([2 * (gold & found), gold.astype(int) + found], axis=-1))


def both(gold, found):
    return (pearson_shares(gold, found) + spearman_shares(gold, found)) / 2


CASES = {
    "matthews": (binary, matthews),
    "accuracy_f1": (binary, accuracy_f1),
    "pearson": (scored, pearson_shares),
    "spearman": (scored, spearman_shares),
    "pearson_spearman": (scored, both),
    "macro_f1": (several, macro_f1),
}


def terms(shares, gold, answers):
    return np.stack([[(share, 1.0) for share in shares(gold, found)] for found in answers])


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_the_true_value(name, runs):
    make, shares = CASES[name]
    rng = np.random.default_rng(0)
    gold, (found,) = make(rng, 20_000)
    truth = np.mean(shares(gold, found))
    covered = []
    for _ in range(EXPERIMENTS):
        one = stats.score_interval(terms(shares, *make(rng, EXAMPLES, runs)), rng, resamples=300, bounds=(-1.0, 1.0))
        covered.append(one.low <= truth <= one.high)
    assert 0.91 <= np.mean(covered) <= 0.985  # of 300, so 0.95 itself is from 0.925 to 0.975


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_equal_models_are_rarely_called_different(name):
    make, shares = CASES[name]
    rng = np.random.default_rng(1)
    found = []
    for _ in range(EXPERIMENTS):
        gold, answers = make(rng, EXAMPLES, 2)
        ours, theirs = (terms(shares, gold, [answer]) for answer in answers)
        found.append(stats.approximate_randomisation(ours, theirs, rng, resamples=200))
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


@pytest.mark.parametrize("name", CASES)
def test_a_better_model_is_found(name):
    make, shares = CASES[name]
    rng = np.random.default_rng(2)
    gold, (good, _) = make(rng, EXAMPLES, 2)
    worse = np.where(rng.random(gold.shape) < 0.3, rng.permutation(good), good)
    ours, theirs = (terms(shares, gold, [answer]) for answer in (good, worse))
    told = stats.difference(ours, theirs, rng, resamples=500, bounds=(-1.0, 1.0))
    assert told.p < 0.01
    assert told.estimate.low > 0
