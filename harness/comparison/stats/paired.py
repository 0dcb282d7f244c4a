"""Two models on the same examples: the difference, its p-value, and the smallest detectable difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.comparison.stats.aggregate import Estimate
from harness.comparison.stats.examples import BOUNDS, blocks, example_errors, score, with_seeds

Pretrainings = tuple[ArrayLike | None, ArrayLike | None]
"""For each side the pretraining seed of each run, shape (runs,), or ``None`` if runs share none."""

_EQUAL = 1e-12
"""Differences of sums in another order are equal up to rounding."""


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs.

    Attributes:
        estimate: of the mean scores over runs, with its interval over new seeds and new examples.
        p: of no difference, by approximate randomisation.
        minimum_detectable: see `difference`.
        over_seeds: whether it includes the spread over seeds, because a side has two runs or more. Otherwise all of this holds
            for these two runs, not for the models.
    """

    estimate: Estimate
    p: float
    minimum_detectable: float
    over_seeds: bool


def difference(
    ours: ArrayLike,
    theirs: ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    level: float = 0.05,
    power: float = 0.8,
    bounds: tuple[float, float] = BOUNDS,
    pretrainings: Pretrainings = (None, None),
) -> Difference:
    """The difference of two models on one test set, over new seeds and new examples.

    The examples are paired, the seeds are not: equal seeds of two architectures share only the order of the batches, so the
    runs of each side are a separate sample. The interval is that of `examples.score_interval`, cut at the largest possible
    difference of two scores.

    The minimum detectable difference is the true difference that a comparison with the same number of seeds and examples and
    the same spread finds significant with probability ``power``: the two-sided critical value of the error of the
    difference, at ``level``, plus the error's quantile at ``power`` (Bloom, 1995).

    Args:
        ours: terms of shape (runs, examples, 2).
        theirs: terms of shape (runs, examples, 2), of the same examples; the number of runs may differ.
        rng: draws.
        resamples: how many.
        confidence: of the interval.
        level: of significance, for the minimum detectable difference.
        power: of the minimum detectable difference.
        bounds: the lowest and the highest possible score of either side.
        pretrainings: for each side the pretraining seed of each run, shape (runs,), or ``None``.
    """
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    left, right = example_errors([ours, theirs], rng, resamples)
    errors = with_seeds(left - right, [ours, theirs], rng, pretrainings)
    value = float(score(ours).mean() - score(theirs).mean())
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    centred = errors - errors.mean()
    detectable = np.quantile(np.abs(centred), 1 - level) + np.quantile(np.abs(centred), max(0.0, 2 * power - 1))
    p = approximate_randomisation(ours, theirs, rng, resamples=resamples, pretrainings=pretrainings)
    over_seeds = max(ours.shape[0], theirs.shape[0]) > 1
    widest = bounds[1] - bounds[0]
    estimate = Estimate(value, value + low, value + high).within((-widest, widest))
    return Difference(estimate, p, float(detectable), over_seeds)


def approximate_randomisation(
    ours: ArrayLike,
    theirs: ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
    pretrainings: Pretrainings = (None, None),
) -> float:
    """The two-sided p-value of no difference by approximate randomisation (Noreen, 1989).

    In every draw the answers to each example change sides with probability 1/2. An example is one unit: all runs of a side move
    together, with their terms averaged, because the answers of several runs to one example are not independent. What is
    compared with the draws is the difference of the mean scores over runs, the one that `difference` reports. With several
    runs each draw also gets the error of the seeds (see `harness.comparison.stats.examples.with_seeds`), because exchanging only
    examples would mistake lucky seeds for a better model. With one run per side the p-value holds for these two runs.

    Args:
        ours: terms of shape (runs, examples, 2).
        theirs: terms of shape (runs, examples, 2), of the same examples; the number of runs may differ.
        rng: draws.
        resamples: how many; the smallest p is 1 / (resamples + 1).
        pretrainings: for each side the pretraining seed of each run, shape (runs,), or ``None``.
    """
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    left, right = ours.mean(axis=0), theirs.mean(axis=0)
    sums, step = (left.sum(axis=0), right.sum(axis=0)), left - right
    observed = abs(float(score(ours).mean() - score(theirs).mean()))
    draws = []
    for size in blocks(resamples, len(left)):
        moved = rng.integers(0, 2, size=(size, len(left)), dtype=np.int8).astype(float) @ step
        draws.append(score((sums[0] - moved)[:, None]) - score((sums[1] + moved)[:, None]))
    drawn = with_seeds(np.concatenate(draws), [ours, theirs], rng, pretrainings)
    return (int((np.abs(drawn) >= observed - _EQUAL).sum()) + 1) / (resamples + 1)


def paired_bootstrap(ours: ArrayLike, theirs: ArrayLike, rng: np.random.Generator, *, resamples: int = 10_000) -> float:
    """The two-sided p-value of no difference by the paired bootstrap over examples (Berg-Kirkpatrick et al., 2012).

    It is the share of resampled differences that are as far from the measured one as that is from 0. It holds for these runs:
    seeds are not resampled, and each side's score is the mean over its runs.

    Args:
        ours: terms of shape (runs, examples, 2).
        theirs: terms of shape (runs, examples, 2), of the same examples; the number of runs may differ.
        rng: draws.
        resamples: how many.
    """
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    left, right = example_errors([ours, theirs], rng, resamples)
    observed = abs(score(ours).mean() - score(theirs).mean())
    return (int((np.abs(left - right) >= observed - _EQUAL).sum()) + 1) / (resamples + 1)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values corrected for the number of comparisons (Holm, 1979), in the order given.

    Calling all comparisons with a corrected value below alpha significant keeps the chance of any false one below alpha.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected
