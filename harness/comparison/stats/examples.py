"""Scores as sums over examples, and their intervals over new seeds and new examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.comparison.stats.aggregate import Estimate

Terms = NDArray[np.float64]
"""Shape (runs, examples, 2): numerator and denominator of each example; see `harness.comparison.stats`."""

BOUNDS = (0.0, 1.0)
"""The default lowest and highest value of a score."""
_BLOCK = 2**21
"""Numbers in memory at a time: 16 MiB."""


def score(terms: ArrayLike) -> NDArray[np.float64]:
    """The score of each run: the sum of numerators over the sum of denominators; 0 if the latter is 0.

    Args:
        terms: shape (..., examples, 2).

    Returns:
        Shape (...).
    """
    return _ratio(np.asarray(terms, dtype=float).sum(axis=-2))


def independent_scores(scores: ArrayLike, pretrainings: ArrayLike | None = None) -> NDArray[np.float64]:
    """The score of each run, shape (runs,), or the average of each pretraining's runs where there are several pretrainings.

    Args:
        scores: shape (runs,).
        pretrainings: shape (runs,): the pretraining seed of each run, or ``None`` if the runs share none.
    """
    scores = np.asarray(scores, dtype=float)
    averages: NDArray[np.float64] = _units(len(scores), pretrainings)[1] @ scores
    return averages


def groupings(pretrainings: ArrayLike | None) -> list[ArrayLike | None]:
    """What may be taken for independent: the averages of several pretrainings, and the runs. The wider interval is taken.

    Args:
        pretrainings: shape (runs,): the pretraining seed of each run, or ``None`` if the runs share none.

    Returns:
        Values for the ``pretrainings`` of `independent_scores`; ``None`` stands for the runs.
    """
    several = pretrainings is not None and len(np.unique(np.asarray(pretrainings))) > 1
    return [pretrainings, None] if several else [None]


def score_interval(
    terms: ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    bounds: tuple[float, float] = BOUNDS,
    pretrainings: ArrayLike | None = None,
) -> Estimate:
    """The mean score over runs with its interval over new seeds and new examples.

    There are two levels of error. Examples are resampled with replacement, the same for all runs, because all runs answer the
    same test set. The error of the seeds follows Student's t (see `with_seeds`). The interval is a percentile interval of the
    sum, cut at the bounds of the score, which the t distribution of few, very different seeds would exceed.

    Args:
        terms: shape (runs, examples, 2). With one run the interval is over examples only and holds for this run.
        rng: draws the resamples.
        resamples: how many.
        confidence: of the interval.
        bounds: the lowest and the highest possible score.
        pretrainings: shape (runs,): the pretraining seed that each run's weights come from, see `with_seeds`.
    """
    terms = np.asarray(terms, dtype=float)
    (of_examples,) = example_errors([terms], rng, resamples)
    errors = with_seeds(of_examples, [terms], rng, [pretrainings])
    value = float(score(terms).mean())
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, value + low, value + high).within(bounds)


def example_errors(sides: list[Terms], rng: np.random.Generator, resamples: int) -> tuple[NDArray[np.float64], ...]:
    """The change of the mean score over runs when examples are redrawn with replacement.

    Args:
        sides: arrays of shape (runs, examples, 2); runs may differ in number, the examples are the same.
        rng: draws the resamples.
        resamples: how many.

    Returns:
        For each side an array of shape (resamples,); all sides see the same draws of examples.
    """
    drawn = resampled_scores(sides, rng, resamples)
    means = np.concatenate([np.stack([part.mean(axis=1) for part in block]) for block in drawn], axis=1)
    return tuple(row - score(side).mean() for row, side in zip(means, sides, strict=True))


def resampled_scores(
    sides: Sequence[Terms], rng: np.random.Generator, resamples: int
) -> Iterator[list[NDArray[np.float64]]]:
    """The score of every run when the examples are drawn anew with replacement.

    Args:
        sides: arrays of shape (runs, examples, 2) over the same examples.
        rng: draws the resamples.
        resamples: how many.

    Yields:
        Blocks of resamples: for each side an array of shape (some resamples, runs).
    """
    columns = np.concatenate([side.transpose(1, 0, 2).reshape(side.shape[1], -1) for side in sides], axis=1)
    ends = np.cumsum([side.shape[0] for side in sides])[:-1]
    for counts in _draws(columns.shape[0], rng, resamples):
        yield np.split(_ratio((counts @ columns).reshape(len(counts), -1, 2)), ends, axis=1)


def with_seeds(
    of_examples: NDArray[np.float64],
    sides: Sequence[Terms],
    rng: np.random.Generator,
    pretrainings: Sequence[ArrayLike | None] | None = None,
) -> NDArray[np.float64]:
    """Add the errors that new seeds make to those that new examples make.

    Runs differ because some seeds are better, and because each run gets other examples right by chance. The variance of the
    run scores holds both. It has few degrees of freedom, which calls for Student's t (Welch and Satterthwaite's for two
    sides). The resampled examples hold the second part too, so it is taken out of them: its size is known well, from the
    two-way analysis of variance of runs and examples (of a ratio, from its linearised shares). In simulations of accuracies
    on 100 examples, 95 % intervals covered 94 to 97 % with 3, 5 and 10 runs, however much the seeds mattered. Resampling the
    runs instead covers too little with few runs; leaving the second part in both covers too much.

    Where the runs come from several pretrainings, the pretrainings are what is drawn anew: runs that share a pretraining
    are not independent. Their scores are averaged, and the spread is that of the averages, which holds the spread of
    fine-tuning seeds too. Two averages may be nearly equal by luck, and then tell less of the spread than the runs do: if
    the runs, taken for independent, call for a wider interval, theirs is taken. Runs of a single pretraining say nothing
    about other pretrainings; then each run counts by itself, and the interval is one over fine-tuning seeds of these weights.

    Args:
        of_examples: draws of shape (resamples,).
        sides: terms of shape (runs, examples, 2), one array for each side of a difference. A side with a single run takes
            over the spread of the other side's; if all sides have one run, seeds are left out. A spread that serves both
            sides is one estimate and has no more degrees of freedom than for one: taken for two, it covered 88 % with two
            runs against one.
        rng: draws.
        pretrainings: for each side the pretraining seed of each run, shape (runs,), or ``None`` if the runs share none.
    """
    origins = pretrainings or [None] * len(sides)
    spreads = [_spread(side, origin) for side, origin in zip(sides, origins, strict=True)]
    known = [spread for spread in spreads if spread is not None]
    if not known:
        return of_examples
    borrowers = len(spreads) - len(known)
    lender, *others = known
    return _with_spreads(of_examples, [lender.lent_to(borrowers), *others], rng)


def errors_of_all(
    sides: Sequence[Terms],
    rng: np.random.Generator,
    resamples: int,
    pretrainings: Sequence[ArrayLike | None] | None = None,
) -> NDArray[np.float64]:
    """The errors of the mean scores of many models on one test set, over new seeds and new examples.

    All models see the same draws of examples, and each has the error of its own seeds (see `with_seeds`). A model with a single
    run takes over the greatest spread of the others; if all have one run, seeds are left out.

    Args:
        sides: terms of shape (runs, examples, 2), one array for each model; runs may differ in number. Scores of runs without
            their predictions are terms of a single example, which make errors of the seeds alone.
        rng: draws.
        resamples: how many.
        pretrainings: for each model the pretraining seed of each run, shape (runs,), or ``None`` if the runs share none.

    Returns:
        Shape (models, resamples).
    """
    of_examples = example_errors(list(sides), rng, resamples)
    origins = pretrainings or [None] * len(sides)
    spreads = [_spread(side, origin) for side, origin in zip(sides, origins, strict=True)]
    known = [spread for spread in spreads if spread is not None]
    if not known:
        return np.stack(of_examples)
    widest = max(known, key=lambda spread: spread.variance)._replace(units=1.0)
    return np.stack(
        [_with_spreads(errors, [spread or widest], rng) for errors, spread in zip(of_examples, spreads, strict=True)]
    )


def _with_spreads(
    of_examples: NDArray[np.float64], each: Sequence[_Spread], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add the errors of the seeds of all sides, see `with_seeds`."""
    variances = [one.variance / one.units for one in each]
    interaction = sum(one.interaction / one.units for one in each)
    drawn = of_examples.var()
    left = np.sqrt(max(0.0, 1 - interaction / drawn)) if drawn > 0 else 0.0
    total = sum(variances)
    if total == 0:
        return of_examples * left
    freedom = total**2 / sum(variance**2 / one.freedom for variance, one in zip(variances, each, strict=True))
    return of_examples * left + _students_t(freedom, len(of_examples), rng) * np.sqrt(total)


def _students_t(freedom: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws of Student's t, one from the middle of each of ``count`` equal parts of its probability, in random order.

    Free draws of few degrees of freedom have such long tails that their 2.5 % quantiles differ between ten thousands of them.
    """
    from scipy.stats import t

    drawn: NDArray[np.float64] = t.ppf((rng.permutation(count) + 0.5) / count, freedom)
    return drawn


class _Spread(NamedTuple):
    """How much the units differ: independent runs, or averages over the runs of each pretraining.

    Attributes:
        variance: of one unit's score.
        interaction: the part of it that comes from single examples.
        freedom: degrees of freedom.
        units: how many, or the number of equal ones whose mean is as precise.
    """

    variance: float
    interaction: float
    freedom: int
    units: float

    @property
    def reach(self) -> float:
        """Half the width of the 95 % interval of the mean that it makes."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom) * np.sqrt(self.variance / self.units))

    def lent_to(self, single_units: int) -> _Spread:
        """The spread that also serves sides of a single unit: their variances add up, of one estimate."""
        return self._replace(units=1 / (1 / self.units + single_units))


def _spread(terms: Terms, pretrainings: ArrayLike | None = None) -> _Spread | None:
    """The spread of two or more units, see `with_seeds`; none of a single run."""
    if len(terms) < 2:
        return None
    return max((_spread_of_units(terms, one) for one in groupings(pretrainings)), key=lambda spread: spread.reach)


def _spread_of_units(terms: Terms, pretrainings: ArrayLike | None) -> _Spread:
    """The spread of the averages of pretrainings, or of the runs if there are not several pretrainings."""
    runs, examples, _ = terms.shape
    weights, of_runs = _units(runs, pretrainings)
    scores = score(terms)
    numerator, denominator = terms[..., 0], terms[..., 1]
    mean = denominator.mean(axis=1, keepdims=True)
    shares = (numerator - scores[:, None] * denominator) / np.where(mean > 0, mean, 1)
    unit_scores, unit_shares = of_runs @ scores, of_runs @ shares
    squares = weights**2
    correction = len(weights) / (len(weights) - 1)
    residuals = unit_shares - weights @ unit_shares
    variance = correction * squares @ (unit_scores - weights @ unit_scores) ** 2
    interaction = correction * squares @ (residuals**2).sum(axis=1) / max(examples - 1, 1) / examples
    equal_units = 1 / float(squares.sum())
    return _Spread(float(variance) * equal_units, float(interaction) * equal_units, len(weights) - 1, equal_units)


def _units(runs: int, pretrainings: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of the runs that each unit has, shape (units,), and the averages over its runs, shape (units, runs)."""
    seeds = np.arange(runs) if pretrainings is None else np.unique(np.asarray(pretrainings), return_inverse=True)[1]
    if seeds.max() == 0:  # a single pretraining
        seeds = np.arange(runs)
    members = (seeds == np.arange(seeds.max() + 1)[:, None]).astype(float)
    counts = members.sum(axis=1)
    return counts / runs, members / counts[:, None]


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numerator over denominator of the last axis, 0 where the denominator is."""
    out: NDArray[np.float64] = np.zeros(sums.shape[:-1])
    np.divide(sums[..., 0], sums[..., 1], out=out, where=sums[..., 1] != 0)
    return out


def _draws(examples: int, rng: np.random.Generator, resamples: int) -> Iterator[NDArray[np.float64]]:
    """The number of times that each example is in each resample, in blocks of shape (some resamples, examples)."""
    for size in blocks(resamples, examples):
        chosen = rng.integers(examples, size=(size, examples)) + np.arange(size)[:, None] * examples
        yield np.bincount(chosen.ravel(), minlength=size * examples).reshape(size, examples).astype(float)


def blocks(resamples: int, width: int) -> Iterator[int]:
    """Sizes that add up to ``resamples``; each is a number of rows of this width that fits into the memory limit."""
    size = max(1, _BLOCK // max(width, 1))
    while resamples > 0:
        yield min(size, resamples)
        resamples -= size
