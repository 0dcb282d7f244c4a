"""The interval that tables show beside a median."""

import pytest
from scipy import stats

from harness.comparison.intervals import interval_over_seeds


def test_two_runs_have_the_t_interval():
    middle, low, high = interval_over_seeds([0.70, 0.71])
    assert middle == pytest.approx(0.705)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 1, loc=0.705, scale=0.005), abs=0.01)


def test_several_pretrainings_count_once_each():
    runs, pretrainings = [0.60, 0.61, 0.62, 0.70, 0.71, 0.72], [0, 0, 0, 1, 1, 1]
    middle, *ends = interval_over_seeds(runs, pretrainings=pretrainings)
    assert middle == pytest.approx(0.66)
    assert ends == pytest.approx(interval_over_seeds([0.61, 0.71])[1:])


def test_pretrainings_that_are_equal_by_luck_do_not_make_it_narrower_than_that_of_their_runs():
    runs, pretrainings = [0.811, 0.829, 0.810, 0.8144, 0.8261, 0.8096], [0, 0, 0, 1, 1, 1]
    assert interval_over_seeds(runs, pretrainings=pretrainings) == interval_over_seeds(runs)


def test_runs_of_one_pretraining_count_by_themselves():
    runs = [0.5, 0.6, 0.55]
    assert interval_over_seeds(runs, pretrainings=[4, 4, 4]) == interval_over_seeds(runs)


def test_it_is_cut_at_the_highest_possible_score_which_errors_do_not_have():
    errors = [1.30, 1.42, 1.36]
    middle, low, high = interval_over_seeds(errors, highest=float("inf"))
    assert low < min(errors) < middle < max(errors) < high
    assert interval_over_seeds([0.97, 0.99, 1.0])[2] == 1.0
