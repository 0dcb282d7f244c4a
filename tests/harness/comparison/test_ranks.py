"""Mean ranks and scores over datasets: their values by hand, and how often chance alone makes a winner."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.comparison.stats import errors_of_all, overall, ranks, score_interval


def accuracies(rates, examples, seeds, rng, spread=0.0):
    """Terms of one dataset for models of these true accuracies, whose seeds differ by this standard deviation."""
    sides = []
    for rate in rates:
        runs = np.clip(rate + spread * rng.standard_normal(seeds), 0, 1)
        hits = rng.random((seeds, examples)) < runs[:, None]
        sides.append(np.stack([hits, np.ones_like(hits)], axis=-1).astype(float))
    return sides


def over(datasets, rng, resamples=300):
    scores = [[side[..., 0].mean() for side in sides] for sides in datasets]
    return overall(scores, [errors_of_all(sides, rng, resamples) for sides in datasets])


def test_ranks_share_equal_scores_and_the_first_is_the_highest():
    assert ranks([[0.9, 0.5, 0.7], [0.0, 0.0, 0.2]]).tolist() == [[1, 3, 2], [2.5, 2.5, 1]]


def test_without_errors_the_intervals_are_the_means_by_hand():
    found = overall([[0.9, 0.5, 0.7], [0.0, 0.0, 0.2]], np.zeros((2, 3, 5)))
    assert [one.rank for one in found] == [(1.75, 1.75, 1.75), (2.75, 2.75, 2.75), (1.5, 1.5, 1.5)]
    assert [round(one.score.value, 4) for one in found] == [0.45, 0.25, 0.45]


def test_a_model_that_is_far_better_on_every_dataset_is_told_from_the_others():
    rng = np.random.default_rng(0)
    first, *others = over([accuracies((0.9, 0.6, 0.6), 200, 3, rng, 0.01) for _ in range(4)], rng)
    assert first.rank.value == first.rank.low == 1
    assert all(one.rank.low > first.rank.high for one in others)


def test_the_interval_of_one_dataset_is_that_of_its_score():
    rng = np.random.default_rng(1)
    (side, other) = accuracies((0.8, 0.7), 400, 5, rng, 0.02)
    ours = overall([[side[..., 0].mean(), other[..., 0].mean()]], [errors_of_all([side, other], rng, 20_000)])[0].score
    theirs = score_interval(side, np.random.default_rng(2), resamples=20_000)
    assert ours.value == pytest.approx(theirs.value)
    assert ours[1:] == pytest.approx(theirs[1:], abs=0.002)


def test_scores_without_predictions_give_the_t_interval_over_seeds():
    scores = np.array([0.70, 0.74, 0.75, 0.79])
    terms = np.stack([scores, np.ones(4)], axis=-1)[:, None, :]
    errors = errors_of_all([terms], np.random.default_rng(0), 200_000)
    half = scipy_stats.t.ppf(0.975, 3) * scores.std(ddof=1) / 2
    assert np.quantile(errors[0], 0.975) == pytest.approx(half, rel=0.03)


def test_a_model_with_one_run_takes_over_the_spread_of_the_others():
    rng = np.random.default_rng(0)
    scores = np.array([0.70, 0.75, 0.80])
    three = np.stack([scores, np.ones(3)], axis=-1)[:, None, :]
    one = np.array([[[0.7, 1.0]]])
    assert errors_of_all([one], rng, 100).any() == np.False_
    both = errors_of_all([three, one], rng, 100_000)
    iqr = [np.subtract(*np.quantile(errors, [0.75, 0.25])) for errors in both]
    assert iqr[1] / iqr[0] == pytest.approx(np.sqrt(3), rel=0.05)


@pytest.mark.parametrize(("models", "datasets"), [(2, 1), (2, 4), (4, 1), (4, 4)])
def test_among_equal_models_chance_makes_a_winner_in_at_most_one_of_twenty_cases(models, datasets):
    rng, wins, cases = np.random.default_rng(models * 10 + datasets), 0, 200
    for _ in range(cases):
        found = over([accuracies([0.7] * models, 100, 3, rng, 0.02) for _ in range(datasets)], rng)
        first, *others = sorted(found, key=lambda one: one.rank.value)
        wins += all(one.rank.low > first.rank.high for one in others)
    # 3 standard errors above 5 %, so that a correct rule passes
    assert wins / cases <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / cases)
