"""Which encoders of a table tie with the best, which are worse, and of which neither can be said.

A difference that is not significant is no tie by itself: with three seeds a difference of half the scale can be one. It is a
tie only where the test would have found a difference that matters (Altman and Bland, 1995: absence of evidence is not
evidence of absence).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Literal

import numpy as np

from harness.comparison.entries import Entry
from harness.comparison.paired_test import SIGNIFICANCE, Shares, other_example
from harness.comparison.stats import difference, holm
from harness.errors import InputError

Mark = Literal["best", "tied", "unclear", ""]
"""How an entry compares with the best of its table; empty where it is significantly worse."""

MARKS: tuple[Mark, ...] = ("best", "tied", "unclear", "")
"""From the most that can be said for an entry to the least."""

MATTERS = 0.05
"""A difference of this size matters. A test that cannot detect it finds no ties.

It is about what lies between the generations of encoders that people choose among, on a scale from 0 to 1.
"""
_POWER = 0.8
_TIMES_NEAR = 10
"""A p-value near the level is estimated with this many times the resamples, so that chance in drawing does not decide a mark."""


@dataclass(frozen=True)
class Against:
    """One entry against the best of its table.

    Attributes:
        p: of no difference, not corrected.
        detectable: the smallest true difference that the test finds with probability 0.8, at the level that is left when 5 %
            are shared among all comparisons of the table; infinite where nothing is known of the spread over seeds.
    """

    p: float
    detectable: float


def marked(found: Sequence[Against]) -> list[Mark]:
    """The mark of each entry, with Holm's correction for all of them.

    Args:
        found: every entry but the best.
    """
    corrected = holm([one.p for one in found])
    return [_mark(float(p), one.detectable) for p, one in zip(corrected, found, strict=True)]


def _mark(p: float, detectable: float) -> Mark:
    if p < SIGNIFICANCE:
        return ""
    return "tied" if detectable <= MATTERS else "unclear"


def from_predictions(ranked: Sequence[Entry], shares: Shares, resamples: int, seed: int = 0) -> list[Mark]:
    """Compare each entry with the first by its test predictions, over examples and seeds.

    Without a second run on either side nothing is known of other seeds. Then a significant difference is one of these two
    runs, and no entry ties.

    Args:
        ranked: entries of one dataset with one fingerprint, the highest median first.
        shares: reads the shares of an entry, such as `harness.comparison.paired_test.terms`.
        resamples: of every test, at least; more where there are so many entries that none could be significant.
        seed: of the resamples.

    Raises:
        InputError: predictions are missing, have no terms, or are of other examples.
    """
    if not ranked:
        return []
    best, *others = ranked
    level = SIGNIFICANCE / max(len(others), 1)
    resamples = max(resamples, ceil(2 / level))
    its = shares(best)

    def against(entry: Entry, resamples: int) -> Against:
        theirs = shares(entry)
        if theirs[0] != its[0]:
            differing = other_example(theirs[0], its[0])
            raise InputError(f"entries of {entry.dataset} are of different examples ({differing})")
        told = difference(
            its[1],
            theirs[1],
            np.random.default_rng(seed),
            resamples=resamples,
            level=level,
            power=_POWER,
            pretrainings=(best.pretrainings, entry.pretrainings),
        )
        return Against(told.p, told.minimum_detectable if told.over_seeds else inf)

    found = [against(entry, resamples) for entry in others]
    corrected = holm([one.p for one in found])
    near = [SIGNIFICANCE / 2 < p < 2 * SIGNIFICANCE for p in corrected]
    more = _TIMES_NEAR * resamples
    exact = [against(entry, more) if close else one for entry, close, one in zip(others, near, found, strict=True)]
    return ["best", *marked(exact)]


def from_seeds(ranked: Sequence[Entry]) -> list[Mark]:
    """Compare each entry with the first by the scores of seeds alone: Welch's t.

    An entry with a single seed can be told neither better nor worse. Of several pretrainings each counts once, by the average of
    its runs; if the runs, taken for independent, tell less, what they tell counts (see `interval_over_seeds`).

    Args:
        ranked: entries, the highest median first.
    """
    best, *others = [
        (entry.independent_scores() * entry.times_counted, entry.scores() * entry.times_counted) for entry in ranked
    ]
    testable = [place for place, (units, _) in enumerate(others) if min(len(best[0]), len(units)) > 1]
    level = SIGNIFICANCE / max(len(testable), 1)

    def against(place: int) -> Against:
        both = [welch(ours, theirs, level) for ours, theirs in zip(best, others[place], strict=True)]
        return Against(max(one.p for one in both), max(one.detectable for one in both))

    told = dict(zip(testable, marked([against(place) for place in testable]), strict=True))
    return ["best", *(told.get(place, "unclear") for place in range(len(others)))]


def welch(best: Sequence[float], scores: Sequence[float], level: float) -> Against:
    """Welch's two-sided t over two seeds or more a side. It is two-sided because the scores themselves decide which is the best.

    Args:
        best: scores of the best.
        scores: of the other one.
        level: of significance, for the detectable difference: (t at 1 - level / 2 + t at the power) standard errors (Bloom,
            1995).
    """
    from scipy.stats import t, ttest_ind

    variances = [float(np.var(side, ddof=1)) / len(side) for side in (best, scores)]
    error = sqrt(sum(variances))
    if error == 0:
        return Against(float(best[0] == scores[0]), 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of scores that are nearly equal, whose p-value is right
        found = ttest_ind(best, scores, equal_var=False)
    return Against(float(found.pvalue), error * float(t.ppf(1 - level / 2, found.df) + t.ppf(_POWER, found.df)))
