"""Shares of examples in metrics that are no mean: against leaving examples out one by one, and their mean against the metric."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference
from sklearn.metrics import f1_score, matthews_corrcoef

from tasks.metrics import MACRO, classification_scores
from tasks.shares import macro_f1_shares, pearson_shares, shares_by_leaving_out, spearman_shares


def left_out(metric, *sides):
    """The jackknife's shares by their definition."""
    n = len(sides[0])
    without = np.array([metric(*(np.delete(side, place, axis=0) for side in sides)) for place in range(n)])
    return metric(*sides) + (n - 1) * (without.mean() - without)


def test_shares_in_matthews_are_those_of_leaving_every_example_out():
    rng = np.random.default_rng(0)
    gold = rng.choice(["a", "b", "c"], 60)
    found = np.where(rng.random(60) < 0.6, gold, rng.choice(["a", "b", "c"], 60))
    shares = shares_by_leaving_out(
        gold.tolist(), found.tolist(), lambda *given: classification_scores(*given[:2], "", given[2])["matthews"]
    )
    assert shares == pytest.approx(left_out(matthews_corrcoef, gold, found))
    assert np.mean(shares) == pytest.approx(matthews_corrcoef(gold, found))


def test_a_stray_label_does_not_change_the_labels_that_macro_f1_is_the_mean_of():
    gold = ["a"] * 100 + ["b"] * 100
    found = ["c", "b", *gold[2:100], "a", *gold[101:]]

    def macro_f1(*given):
        return classification_scores(*given[:2], MACRO, given[2])["macro_f1"]

    shares = shares_by_leaving_out(gold, found, macro_f1)
    assert np.mean(shares) == pytest.approx(f1_score(gold, found, average="macro", zero_division=0))
    assert np.std(shares) / np.sqrt(len(gold)) < 0.01
    expected = left_out(
        lambda *sides: f1_score(*sides, labels=["a", "b", "c"], average="macro", zero_division=0),
        np.array(gold),
        np.array(found),
    )
    assert shares == pytest.approx(expected)


def test_the_share_in_accuracy_and_f1_of_an_only_example_is_its_score():
    shares = shares_by_leaving_out(
        ["a"], ["a"], lambda *given: classification_scores(*given[:2], MACRO, given[2])["accuracy_f1"]
    )
    assert shares == [1.0]


def test_shares_in_macro_f1_are_those_of_leaving_every_example_out():
    rng = np.random.default_rng(1)
    gold, found = (rng.random((40, 3)) < 0.4 for _ in range(2))
    terms = np.stack([2 * (gold & found), gold.astype(int) + found], axis=-1)
    expected = left_out(lambda *sides: f1_score(*sides, average="macro", zero_division=0), gold, found)
    assert macro_f1_shares(terms) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("shares", "metric"),
    [(pearson_shares, reference.pearsonr), (spearman_shares, reference.spearmanr)],
    ids=["pearson", "spearman"],
)
def test_shares_in_a_correlation_are_the_metric_and_its_derivative(shares, metric):
    rng = np.random.default_rng(2)
    gold = rng.integers(0, 11, 300) / 2  # many ties
    found = np.round(gold + rng.normal(size=300), 1)
    mine = shares(gold, found)
    by_leaving_out = left_out(lambda *sides: metric(*sides).statistic, gold, found)
    assert mine.mean() == pytest.approx(metric(gold, found).statistic, abs=1e-12)
    assert np.corrcoef(mine, by_leaving_out)[0, 1] > 0.999
    assert mine.std() == pytest.approx(by_leaving_out.std(), rel=0.02)


@pytest.mark.parametrize("shares", [pearson_shares, spearman_shares])
def test_what_is_constant_has_no_correlation(shares):
    assert shares([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]).tolist() == [0, 0, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_the_mean_of_shares_is_the_metric(pairs):
    gold, found = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    constant = np.ptp(gold) == 0 or np.ptp(found) == 0
    expected = 0.0 if constant else reference.spearmanr(gold, found).statistic
    assert spearman_shares(gold, found).mean() == pytest.approx(expected, abs=1e-9)
