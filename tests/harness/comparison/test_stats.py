"""Statistics against independent formulas, exact enumeration and simulation."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from harness.comparison import stats
from harness.comparison.stats.examples import example_errors

EXPERIMENTS = 2000


def answers(rng, runs, examples, seeds=0.0, difficulty=None, level=0.5):
    """Right and wrong answers of a probit model with effects of seed and example, as terms."""
    difficulty = rng.standard_normal(examples) if difficulty is None else difficulty
    ability = level + seeds * rng.standard_normal((runs, 1))
    right = ability + difficulty + rng.standard_normal((runs, examples)) > 0
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


def test_median_and_iqm_of_known_scores():
    scores = np.array([[0.0, 0.4, 0.9], [0.2, 0.6, 0.7]])
    assert stats.median(scores) == pytest.approx(0.5)
    # 0, .2, .4, .6, .7, .9: a quarter of six is cut to one from each end.
    assert stats.iqm(scores) == pytest.approx((0.2 + 0.4 + 0.6 + 0.7) / 4)
    assert stats.iqm(scores) == pytest.approx(reference.trim_mean(scores, 0.25, axis=None))
    assert stats.iqm(np.stack([scores, scores + 1])).tolist() == pytest.approx([0.475, 1.475])


def test_the_seed_interval_of_one_task_s_mean_is_the_t_interval():
    scores = np.array([0.81, 0.84, 0.79, 0.90])
    found = stats.seed_interval(
        scores[:, None], lambda s: s.mean((-1, -2)), np.random.default_rng(0), resamples=100_000
    )
    expected = reference.t.interval(0.95, 3, loc=scores.mean(), scale=reference.sem(scores))
    assert (found.low, found.high) == pytest.approx(expected, rel=2e-3)


def test_one_run_has_no_seed_interval_and_equal_runs_an_empty_one():
    rng = np.random.default_rng(0)
    assert np.isnan(stats.seed_interval([[0.5, 0.6]], stats.iqm, rng)[1:]).all()
    assert stats.seed_interval([[0.5], [0.5]], stats.iqm, rng) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("runs", "tasks"), [(3, 1), (5, 4)])
@pytest.mark.parametrize("statistic", [stats.iqm, stats.median])
def test_the_seed_interval_covers_what_it_says(runs, tasks, statistic):
    rng = np.random.default_rng(7)
    means, spreads = np.linspace(0.5, 0.9, tasks), np.linspace(0.01, 0.04, tasks)
    truth = np.median(means) if statistic is stats.median else stats.iqm(rng.normal(means, spreads, (200_000, tasks)))
    found = [
        stats.seed_interval(rng.normal(means, spreads, (runs, tasks)), statistic, rng, resamples=100)
        for _ in range(EXPERIMENTS)
    ]
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.97


@pytest.mark.parametrize(("runs", "seeds"), [(1, 0.0), (3, 0.2), (5, 0.1), (10, 0.4)])
def test_the_interval_over_seeds_and_examples_covers_what_it_says(runs, seeds):
    rng = np.random.default_rng(1)
    truth = reference.norm.cdf(0.5 / np.sqrt(2 + seeds**2))
    found = [stats.score_interval(answers(rng, runs, 100, seeds), rng, resamples=300) for _ in range(EXPERIMENTS)]
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


@pytest.mark.parametrize("runs", [(1, 1, 0.0), (3, 3, 0.3), (3, 5, 0.2), (3, 1, 0.3), (1, 5, 0.3)])
def test_the_difference_covers_zero_and_the_test_is_seldom_wrong_where_nothing_differs(runs):
    ours, theirs, seeds = runs
    rng = np.random.default_rng(2)
    covered, significant = [], []
    for _ in range(EXPERIMENTS):
        difficulty = rng.standard_normal(100)
        left, right = (answers(rng, count, 100, seeds, difficulty) for count in (ours, theirs))
        found = stats.difference(left, right, rng, resamples=300)
        covered.append(found.estimate.low <= 0 <= found.estimate.high)
        significant.append(found.p < 0.05)
    assert 0.93 <= np.mean(covered) <= 0.97
    assert 0.015 <= np.mean(significant) <= 0.06


def test_the_minimum_detectable_difference_is_found_in_four_of_five_comparisons():
    rng = np.random.default_rng(3)
    # Answers of which a share is right for sure: the true difference is that share, the spread hardly changes.
    typical = np.median(
        [
            stats.difference(
                answers(rng, 5, 200, 0.1, ease), answers(rng, 5, 200, 0.1, ease), rng, resamples=500
            ).minimum_detectable
            for ease in rng.standard_normal((100, 200))
        ]
    )
    base = reference.norm.cdf(0.5 / np.sqrt(2.01))
    better = reference.norm.ppf(base + typical) * np.sqrt(2.01)
    found = []
    for ease in rng.standard_normal((400, 200)):
        left, right = answers(rng, 5, 200, 0.1, ease, better), answers(rng, 5, 200, 0.1, ease)
        found.append(stats.approximate_randomisation(left, right, rng, resamples=500) < 0.05)
    assert 0.72 <= np.mean(found) <= 0.88


def test_approximate_randomisation_agrees_with_all_exchanges():
    rng = np.random.default_rng(4)
    ours, theirs = rng.integers(0, 4, (2, 1, 10, 2)).astype(float)
    ours[..., 1] += 4
    theirs[..., 1] += 4
    observed = abs(stats.score(ours[0]) - stats.score(theirs[0]))
    as_large = 0
    for mask in itertools.product([False, True], repeat=10):
        swap = np.array(mask)[:, None]
        left, right = np.where(swap, theirs[0], ours[0]), np.where(swap, ours[0], theirs[0])
        as_large += abs(stats.score(left) - stats.score(right)) >= observed - 1e-12
    found = stats.approximate_randomisation(ours, theirs, rng, resamples=50_000)
    assert found == pytest.approx(as_large / 1024, abs=0.01)


def test_approximate_randomisation_of_accuracies_agrees_with_scipy():
    rng = np.random.default_rng(5)
    difficulty = rng.standard_normal(80)
    ours, theirs = answers(rng, 1, 80, level=1.0, difficulty=difficulty), answers(rng, 1, 80, difficulty=difficulty)
    expected = reference.permutation_test(
        (ours[0, :, 0], theirs[0, :, 0]),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        vectorized=True,
        permutation_type="samples",
        n_resamples=20_000,
        rng=rng,
    )
    found = stats.approximate_randomisation(ours, theirs, rng, resamples=20_000)
    assert found == pytest.approx(expected.pvalue, abs=0.012)


def test_the_paired_bootstrap_of_accuracies_agrees_with_mcnemar_s_normal_test():
    rng = np.random.default_rng(6)
    difficulty = rng.standard_normal(2000)
    ours, theirs = (
        answers(rng, 1, 2000, level=0.56, difficulty=difficulty),
        answers(rng, 1, 2000, difficulty=difficulty),
    )
    change = ours[0, :, 0] - theirs[0, :, 0]
    expected = 2 * reference.norm.sf(abs(change.mean()) / (change.std() / np.sqrt(2000)))
    assert stats.paired_bootstrap(ours, theirs, rng) == pytest.approx(expected, abs=0.02)


def test_a_lucky_seed_is_not_taken_for_a_better_model():
    rng = np.random.default_rng(8)
    found = [
        stats.approximate_randomisation(*(answers(rng, 3, 2000, 0.5, ease) for _ in range(2)), rng, resamples=300)
        for ease in rng.standard_normal((300, 2000))
    ]
    assert np.mean(np.array(found) < 0.05) <= 0.08


def test_a_side_with_one_run_takes_the_other_s_spread():
    rng = np.random.default_rng(9)
    ours, theirs = answers(rng, 1, 1000), answers(rng, 10, 1000, 0.5)
    wide = stats.difference(ours, theirs, rng, resamples=2000)
    narrow = stats.difference(ours, theirs[:1], rng, resamples=2000)
    assert wide.over_seeds
    assert not narrow.over_seeds
    assert wide.estimate.high - wide.estimate.low > 2 * (narrow.estimate.high - narrow.estimate.low)


def test_the_borrowed_spread_of_a_single_run_is_not_a_second_estimate():
    # Every example has the same share, so that seeds alone differ: the interval is Student's t of one estimate.
    runs = np.array([0.4, 0.5, 0.6])
    ours, theirs = (
        np.stack([np.repeat(side[:, None], 30, 1), np.ones((len(side), 30))], -1) for side in (runs, runs[:1])
    )
    for left, right in ((ours, theirs), (theirs, ours)):
        found = stats.difference(left, right, np.random.default_rng(0), resamples=100_000).estimate
        half = reference.t.ppf(0.975, 2) * np.sqrt(runs.var(ddof=1) * (1 / 3 + 1))
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.02)


def test_the_p_value_is_of_the_difference_that_is_reported():
    # The mean F1 of ours is below theirs, the F1 of all its answers together above.
    ours = np.tile([[[0.0, 10.0]], [[20.0, 20.0]]], (1, 40, 1))
    theirs = np.tile([[[0.5, 1.0]], [[0.5, 1.0]]], (1, 40, 1))
    found = stats.difference(ours, theirs, np.random.default_rng(0), resamples=2000)
    assert found.estimate.value == 0
    assert found.p == 1


def test_f1_is_resampled_by_its_sums():
    rng = np.random.default_rng(10)
    terms = np.stack([2 * rng.integers(0, 3, 50), rng.integers(4, 9, 50)], axis=-1).astype(float)[None]
    (errors,) = example_errors([terms], rng, 4000)
    drawn = terms[0][np.random.default_rng(11).integers(50, size=(4000, 50))].sum(1)
    assert errors.std() == pytest.approx((drawn[:, 0] / drawn[:, 1]).std(), rel=0.05)
    assert stats.score(np.zeros((3, 2))) == 0


def test_holm_on_a_known_table():
    # Holm (1979): smallest times three, next times two, kept in order.
    assert stats.holm([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert stats.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert stats.holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_the_raw_value_and_bonferroni_s(p_values):
    corrected = stats.holm(p_values)
    assert (corrected >= np.array(p_values) - 1e-12).all()
    assert (corrected <= np.minimum(1, np.array(p_values) * len(p_values)) + 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(corrected[order]) >= -1e-12).all()


def test_the_probability_of_improvement_is_mann_and_whitney_s():
    rng = np.random.default_rng(12)
    ours, theirs = rng.normal(0.3, 1, (6, 1)), rng.normal(0, 1, (5, 1))
    u = reference.mannwhitneyu(ours[:, 0], theirs[:, 0]).statistic
    assert stats.probability_of_improvement(ours, theirs).value == pytest.approx(u / 30)
    assert stats.probability_of_improvement([[0.5]], [[0.5]]).value == 0.5


def test_three_runs_that_beat_three_are_no_certainty():
    found = stats.probability_of_improvement([[0.9], [0.8], [0.85]], [[0.5], [0.6], [0.55]])
    assert found.value == found.high == 1
    assert 0.3 < found.low < 0.75


@pytest.mark.parametrize(("runs", "shift"), [(5, 0.5), (10, 1.0)])
def test_the_interval_of_the_probability_of_improvement_covers_what_it_says(runs, shift):
    rng = np.random.default_rng(13)
    truth = reference.norm.cdf(shift / np.sqrt(2))
    found = [
        stats.probability_of_improvement(rng.normal(shift, 1, (runs, 1)), rng.normal(0, 1, (runs, 1)))
        for _ in range(EXPERIMENTS)
    ]
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.97


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_any_terms_give_numbers_and_the_same_generator_the_same_ones(runs, examples, seed):
    terms = np.random.default_rng(seed).integers(0, 3, (2, runs, examples, 2)).astype(float)
    first, again = (stats.difference(*terms, np.random.default_rng(0), resamples=200) for _ in range(2))
    assert first == again
    assert np.isfinite([*first.estimate, first.p, first.minimum_detectable]).all()
    assert 0 < first.p <= 1


def test_ten_thousand_resamples_of_ten_thousand_examples_take_seconds():
    rng = np.random.default_rng(14)
    ours, theirs = answers(rng, 3, 10_000), answers(rng, 3, 10_000)
    began = time.process_time()
    stats.difference(ours, theirs, rng)
    assert time.process_time() - began < 20


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.2, 1.0]), min_size=2, max_size=4), min_size=1, max_size=3),
    st.integers(0, 9),
)
def test_no_interval_of_a_score_ends_where_no_score_can_be(means, seed):
    """Two or three seeds far apart have a wide Student's t, which knows no bounds."""
    examples = min(map(len, means))
    ours = np.stack([np.array([[value, 1.0] for value in run[:examples]]) for run in means])
    theirs = np.stack([np.array([[1 - value, 1.0] for value in run[:examples]]) for run in means])
    rng = np.random.default_rng(seed)
    alone = stats.score_interval(ours, rng, resamples=100)
    assert 0 <= alone.low <= alone.high <= 1
    apart = stats.difference(ours, theirs, rng, resamples=100).estimate
    assert -1 <= apart.low <= apart.high <= 1


def test_the_bounds_of_an_interval_can_be_those_of_another_score():
    far_apart = np.array([[[value, 1.0]] * 20 for value in (-0.9, 0.9)])
    free, unit = (
        stats.score_interval(far_apart, np.random.default_rng(0), resamples=500, bounds=bounds)
        for bounds in ((-1.0, 1.0), (0.0, 1.0))
    )
    assert (free.low, free.high) == (-1, 1)
    assert (unit.low, unit.high) == (0, 1)
    assert stats.difference(
        far_apart, -far_apart, np.random.default_rng(0), resamples=500, bounds=(-1.0, 1.0)
    ).estimate[1:] == (-2, 2)


def nested_answers(rng, pretrainings, finetunings, examples, spread, finetuning, difficulty=None):
    """Answers of runs whose ability depends on pretraining and fine-tuning seed; the pretraining seed of each run."""
    seeds = np.repeat(np.arange(pretrainings), finetunings)
    # All runs answer the same test set.
    difficulty = rng.standard_normal(examples) if difficulty is None else difficulty
    ability = spread * rng.standard_normal(pretrainings)[seeds] + finetuning * rng.standard_normal(len(seeds))
    return np.concatenate([answers(rng, 1, examples, 0.0, difficulty, 0.5 + one) for one in ability]), seeds


def test_with_exact_examples_the_interval_over_pretrainings_is_the_t_interval_of_their_averages():
    # Every example of a run has the same share, so that drawing other examples changes nothing.
    scores = np.array([0.70, 0.74, 0.60, 0.62, 0.81, 0.79])
    terms = np.stack([np.repeat(scores[:, None], 40, 1), np.ones((6, 40))], axis=-1)
    pretrainings = [5, 5, 7, 7, 9, 9]
    found = stats.score_interval(terms, np.random.default_rng(0), resamples=200_000, pretrainings=pretrainings)
    averages = scores.reshape(3, 2).mean(axis=1)
    expected = reference.t.interval(0.95, 2, loc=averages.mean(), scale=reference.sem(averages))
    assert found.value == pytest.approx(averages.mean())
    assert (found.low, found.high) == pytest.approx(np.clip(expected, 0, 1), rel=0.02)
    assert stats.independent_scores(stats.score(terms), pretrainings) == pytest.approx(averages)
    assert stats.independent_scores(stats.score(terms)) == pytest.approx(scores)


def test_pretrainings_that_are_equal_by_luck_do_not_make_the_interval_narrower_than_that_of_their_runs():
    scores = np.array([0.70, 0.74, 0.82, 0.701, 0.741, 0.82])
    terms = np.stack([np.repeat(scores[:, None], 40, 1), np.ones((6, 40))], axis=-1)
    found = stats.score_interval(terms, np.random.default_rng(0), resamples=200_000, pretrainings=[0, 0, 0, 1, 1, 1])
    expected = reference.t.interval(0.95, 5, loc=scores.mean(), scale=reference.sem(scores))
    assert (found.low, found.high) == pytest.approx(expected, rel=0.02)
    told = stats.difference(
        terms, terms - 0.01, np.random.default_rng(0), resamples=10_000, pretrainings=([0, 0, 0, 1, 1, 1],) * 2
    )
    assert told.p > 0.3


def test_unequal_numbers_of_runs_weigh_pretrainings_by_their_runs():
    scores = np.array([0.5, 0.7, 0.7, 0.7])
    terms = np.stack([np.repeat(scores[:, None], 30, 1), np.ones((4, 30))], axis=-1)
    found = stats.score_interval(terms, np.random.default_rng(0), resamples=100_000, pretrainings=[0, 1, 1, 1])
    # The cluster-robust variance of a mean: 2 / 1 * (0.25^2 * 0.15^2 + 0.75^2 * 0.05^2), with one degree of freedom.
    half = reference.t.ppf(0.975, 1) * np.sqrt(2 * (0.25**2 * 0.15**2 + 0.75**2 * 0.05**2))
    assert found.value == pytest.approx(0.65)
    assert found.low == pytest.approx(max(0.0, 0.65 - half), abs=0.02)


def test_runs_of_one_pretraining_count_as_independent_and_so_do_runs_of_one_each():
    terms = answers(np.random.default_rng(20), 4, 60, 0.3)
    intervals = [
        stats.score_interval(terms, np.random.default_rng(0), resamples=500, pretrainings=pretrainings)
        for pretrainings in (None, [3, 3, 3, 3], [0, 1, 2, 3])
    ]
    assert intervals[0] == pytest.approx(intervals[1])
    assert intervals[0] == pytest.approx(intervals[2])


@pytest.mark.parametrize(("pretrainings", "spread"), [(2, 0.3), (3, 0.6), (5, 0.1)])
def test_the_interval_over_pretrainings_seeds_and_examples_covers_what_it_says(pretrainings, spread):
    rng = np.random.default_rng(21)
    truth = reference.norm.cdf(0.5 / np.sqrt(2 + spread**2 + 0.1**2))
    held = []
    for _ in range(EXPERIMENTS):
        terms, seeds = nested_answers(rng, pretrainings, 2, 100, spread, 0.1)
        found = stats.score_interval(terms, rng, resamples=200, pretrainings=seeds)
        held.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(held) <= 0.985


def test_a_lucky_pretraining_is_not_taken_for_a_better_model():
    rng = np.random.default_rng(22)
    aware, unaware = [], []
    for difficulty in rng.standard_normal((300, 1000)):
        (left, ours), (right, theirs) = (nested_answers(rng, 3, 4, 1000, 0.4, 0.0, difficulty) for _ in range(2))
        aware.append(stats.approximate_randomisation(left, right, rng, resamples=200, pretrainings=(ours, theirs)))
        unaware.append(stats.approximate_randomisation(left, right, rng, resamples=200))
    assert np.mean(np.array(aware) < 0.05) <= 0.08
    assert np.mean(np.array(unaware) < 0.05) >= 0.12


def test_the_multi_bootstrap_of_equal_pretrainings_is_the_bootstrap_over_examples():
    rng = np.random.default_rng(23)
    one = answers(rng, 1, 80)
    found = stats.multi_bootstrap(np.repeat(one, 3, axis=0), [0, 1, 2], rng, resamples=20_000)
    accuracy = one[0, :, 0].mean()
    expected = reference.binom.ppf([0.025, 0.975], 80, accuracy) / 80
    assert (found.value, found.low, found.high) == pytest.approx((accuracy, *expected), abs=0.0126)


def test_the_multi_bootstrap_draws_every_choice_of_pretrainings_as_often_as_it_should():
    scores = np.array([0.2, 0.5, 0.9])
    terms = np.stack([np.repeat(scores[:, None], 20, 1), np.ones((3, 20))], axis=-1)
    possible = np.sort([scores[list(chosen)].mean() for chosen in itertools.product(range(3), repeat=3)])
    found = stats.multi_bootstrap(terms, [4, 5, 6], np.random.default_rng(0), resamples=50_000, confidence=0.5)
    assert found.value == pytest.approx(scores.mean())
    assert (found.low, found.high) == pytest.approx(
        np.quantile(possible, [0.25, 0.75], method="inverted_cdf"), abs=0.04
    )


def test_the_multi_bootstrap_of_a_difference_has_the_spread_of_both_sides():
    scores = np.array([[0.2, 0.4, 0.6, 0.8], [0.3, 0.3, 0.5, 0.5]])
    left, right = (np.stack([np.repeat(side[:, None], 10, 1), np.ones((4, 10))], axis=-1) for side in scores)
    origins = [0, 1, 2, 3]
    found = stats.multi_bootstrap(
        left, origins, np.random.default_rng(0), theirs=right, their_pretrainings=origins, resamples=50_000
    )
    spread = np.sqrt(scores.var(axis=1).sum() / 4)
    assert found.value == pytest.approx(0.1)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * spread, rel=0.08)
