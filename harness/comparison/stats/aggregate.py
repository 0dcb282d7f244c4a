"""Aggregates of scores over tasks and seeds, and their intervals over seeds (Agarwal et al., 2021, "rliable")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]
"""Shape (runs, tasks), or (..., runs, tasks) where many resamples are aggregated at once."""


class Estimate(NamedTuple):
    """A value with its interval; both ends are nan if there are too few data for one."""

    value: float
    low: float
    high: float

    def within(self, bounds: tuple[float, float]) -> Estimate:
        """The same with its interval cut at the lowest and highest possible value; it still holds its own value."""
        low, high = np.clip((self.low, self.high), *bounds)
        return Estimate(self.value, float(np.minimum(low, self.value)), float(np.maximum(high, self.value)))


def median(scores: ArrayLike) -> NDArray[np.float64]:
    """Median over tasks of the mean over runs; scores of shape (..., runs, tasks) give shape (...)."""
    return np.asarray(np.median(np.asarray(scores, dtype=float).mean(axis=-2), axis=-1))


def iqm(scores: ArrayLike) -> NDArray[np.float64]:
    """Interquartile mean: the mean of the middle half of all runs of all tasks; (..., runs, tasks) give shape (...)."""
    from scipy.stats import trim_mean

    scores = np.asarray(scores, dtype=float)
    return np.asarray(trim_mean(scores.reshape(*scores.shape[:-2], -1), 0.25, axis=-1))


def seed_interval(
    scores: ArrayLike,
    statistic: Callable[[Scores], NDArray[np.float64]],
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    method: Literal["t", "percentile"] = "t",
) -> Estimate:
    """An aggregate with its interval over new seeds on the same tasks, by the bootstrap stratified by task.

    rliable reports ``percentile``. With few runs it is too narrow: the spread of n resampled runs is smaller by the factor
    sqrt((n - 1) / n), and never reaches beyond the best run. The default ``t`` uses only the standard error of the bootstrap,
    corrected by that factor, and the quantile of Student's t (Hesterberg, 2015), with the degrees of freedom of Welch and
    Satterthwaite over tasks; for the mean of one task it is the textbook's t interval. Coverage of 95 % intervals in simulations
    of normal scores with unequal means and spreads, over mean, median and IQM of 1, 4 and 8 tasks:

    | runs per task | t | percentile |
    | --- | --- | --- |
    | 2 | 92 to 98 % | 51 to 79 % |
    | 3 | 93 to 97 % | 72 to 86 % |
    | 5 | 93 to 97 % | 82 to 89 % |
    | 10 | 94 to 96 % | 89 to 93 % |

    Args:
        scores: shape (runs, tasks).
        statistic: of arrays of shape (..., runs, tasks), as `median` and `iqm` are.
        rng: draws the resamples.
        resamples: how many.
        confidence: of the interval.
        method: see above.

    Returns:
        The statistic and its interval; the ends are nan if there is only one run.
    """
    from scipy.stats import bootstrap, t

    scores = np.asarray(scores, dtype=float)
    value, runs = float(statistic(scores)), scores.shape[0]
    variances = scores.var(axis=0, ddof=1) if runs > 1 else np.full(scores.shape[1], np.nan)
    if runs < 2:
        return Estimate(value, np.nan, np.nan)
    if not variances.any():
        return Estimate(value, value, value)

    def of_tasks(*columns: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return statistic(np.stack([np.moveaxis(column, axis, -1) for column in columns], axis=-1))

    done = bootstrap(
        tuple(scores.T),
        of_tasks,
        n_resamples=resamples,
        batch=max(1, _BLOCK // scores.size),
        vectorized=True,
        axis=-1,
        confidence_level=confidence,
        method="percentile",
        rng=rng,
    )
    if method == "percentile":
        return Estimate(value, float(done.confidence_interval.low), float(done.confidence_interval.high))
    freedom = variances.sum() ** 2 / (variances**2 / (runs - 1)).sum()
    half = t.ppf((1 + confidence) / 2, freedom) * float(done.standard_error) * np.sqrt(runs / (runs - 1))
    return Estimate(value, value - half, value + half)


_BLOCK = 2**22
"""Numbers in memory at a time."""
