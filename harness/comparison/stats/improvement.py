"""Probability of improvement: how often a run of one model beats a run of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.comparison.stats.aggregate import Estimate

_APART = 1e-9


def probability_of_improvement(ours: ArrayLike, theirs: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The probability that a new run of ours scores higher than a new run of theirs, ties counting half.

    The statistic is Mann and Whitney's U over the number of pairs, averaged over tasks (Agarwal et al., 2021). Its interval
    is the score interval of Newcombe (2006, method 5), because a bootstrap of few runs that do not overlap gives [1, 1]. For
    several tasks its variance is divided by their number.

    Args:
        ours: scores of shape (runs, tasks).
        theirs: scores of shape (runs, tasks); the number of runs may differ.
        confidence: of the interval.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    pairs = ours[:, None, :] - theirs[None, :, :]
    value = float(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    (n_ours, tasks), n_theirs = ours.shape, theirs.shape[0]
    others, z = (n_ours + n_theirs) / 2 - 1, norm.ppf((1 + confidence) / 2)

    def excess(truth: float) -> float:
        spread = 1 + others * ((1 - truth) / (2 - truth) + truth / (1 + truth))
        return float((value - truth) ** 2 - z**2 * truth * (1 - truth) * spread / (n_ours * n_theirs * tasks))

    # The equation has a root at the value itself where that is 0 or 1; the end of the interval is the other root.
    low = brentq(excess, 0.0, value - _APART) if value > _APART else 0.0
    high = brentq(excess, value + _APART, 1.0) if value < 1 - _APART else 1.0
    return Estimate(value, float(low), float(high))
