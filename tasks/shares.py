"""Each example's share of a metric that is no mean over examples, so that examples can be resampled.

A correlation or Matthews' coefficient is no ratio of sums over examples. The share of an example is then the metric plus the
influence of this example on it. The mean of the shares is the metric, and their spread is its error over new examples, to first order
(the jackknife: Tukey, 1958; Efron, 1982). So intervals and paired tests treat such metrics like a mean. Their coverage is tested by
simulation in ``tests/harness/comparison/test_shares.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
LabelT = TypeVar("LabelT", bound=Hashable)


def shares_by_leaving_out(
    gold: Sequence[LabelT],
    predicted: Sequence[LabelT],
    metric: Callable[[Sequence[LabelT], Sequence[LabelT], NDArray[np.float64]], float],
) -> list[float]:
    """Shares in a metric that follows from the counts of pairs of gold and predicted label, by the jackknife.

    Args:
        gold, predicted: the labels of each example.
        metric: of the labels of every kind of pair and their counts; it is computed once for every kind. A kind whose only example
            is left out has the count 0, so that a mean over labels is always over the same labels.
    """
    counts = Counter(zip(gold, predicted, strict=True))
    rights, founds = ([pair[side] for pair in counts] for side in (0, 1))
    weights = np.array([*counts.values()], dtype=float)
    whole, n = metric(rights, founds, weights), len(gold)
    without = {}
    for place, pair in enumerate(counts):
        less = weights.copy()
        less[place] -= 1
        without[pair] = metric(rights, founds, less) if n > 1 else whole
    mean = sum(counts[pair] * value for pair, value in without.items()) / n
    return [whole + (n - 1) * (mean - without[pair]) for pair in zip(gold, predicted, strict=True)]


def macro_f1_shares(terms: ArrayLike) -> Values:
    """Shares in the mean over labels of F1, by the jackknife.

    Args:
        terms: shape (examples, labels, 2): of each label twice the true positives, and predicted plus gold.

    Returns:
        Shape (examples,).
    """
    terms = np.asarray(terms, dtype=float)
    sums = terms.sum(axis=0)
    without = _macro_f1(sums - terms)
    shares: Values = float(_macro_f1(sums)) + (len(terms) - 1) * (without.mean() - without)
    return shares


def pearson_shares(gold: ArrayLike, predicted: ArrayLike) -> Values:
    """Shares in Pearson's correlation, by its influence function (Devlin, Gnanadesikan and Kettenring, 1975).

    Args:
        gold, predicted: shape (examples,).

    Returns:
        Shape (examples,); zeros where one side is constant, which has no correlation.
    """
    sides = [np.asarray(side, dtype=float) for side in (gold, predicted)]
    if any(np.ptp(side) == 0 for side in sides):
        return np.zeros(len(sides[0]))
    x, y = ((side - side.mean()) / side.std() for side in sides)
    correlation = (x * y).mean()
    shares: Values = correlation + x * y - correlation / 2 * (x**2 + y**2)
    return shares


def spearman_shares(gold: ArrayLike, predicted: ArrayLike) -> Values:
    """Shares in Spearman's correlation, by its influence function, ties at their mean rank.

    An example adds its own ranks, and it moves the ranks of all others (Croux and Dehon, 2010); to resample the ranks alone would
    miss the second part.

    Args:
        gold, predicted: shape (examples,).

    Returns:
        Shape (examples,); zeros where one side is constant, which has no correlation.
    """
    from scipy.stats import rankdata

    sides = [np.asarray(side, dtype=float) for side in (gold, predicted)]
    n = len(sides[0])
    if any(np.ptp(side) == 0 for side in sides):
        return np.zeros(n)
    x, y = ((rankdata(side) - 0.5) / n for side in sides)
    covariance, of_x, of_y = (x * y).mean() - 0.25, x.var(), y.var()
    change = x * y + _above(x, y) + _above(y, x) - 3 * (x * y).mean()
    change_x = x**2 + 2 * _above(x, x) - 3 * (x**2).mean()
    change_y = y**2 + 2 * _above(y, y) - 3 * (y**2).mean()
    scale = np.sqrt(of_x * of_y)
    correlation = covariance / scale
    shares: Values = correlation + change / scale - correlation / 2 * (change_x / of_x + change_y / of_y)
    return shares


def _above(ranks: Values, values: Values) -> Values:
    """For each example, the sum of the values of examples with higher ranks, ties by half, over the number of examples."""
    _, group = np.unique(ranks, return_inverse=True)
    sums = np.bincount(group, weights=values)
    higher = sums[::-1].cumsum()[::-1] - sums / 2
    of_examples: Values = higher[group] / len(ranks)
    return of_examples


def _macro_f1(sums: Values) -> Values:
    """The mean of F1 over labels, shape (...), of sums of shape (..., labels, 2); a label that occurs nowhere has 0."""
    ratios = np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] > 0)
    return np.asarray(ratios.mean(axis=-1))
