"""The interval of a median over seeds, as every table, page and card shows it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.stats import groupings, independent_scores, seed_interval

RESAMPLES = 2000


def interval_over_seeds(
    scores: Sequence[float],
    lowest: float = 0.0,
    pretrainings: Sequence[int] | None = None,
    *,
    highest: float = 1.0,
) -> tuple[float, float, float]:
    """The median of the scores and its 95 % interval for new seeds, see `harness.comparison.stats.seed_interval`.

    Of several pretrainings each counts once, by the average of its runs. Two averages may be nearly equal by luck: if the runs,
    taken for independent, have a wider interval, that is the one. It is cut at the lowest and highest possible score.

    With one seed both ends are the score, since nothing is known of the spread.

    Args:
        scores: of the runs.
        lowest, highest: possible score.
        pretrainings: the pretraining seed of each run, or ``None`` if the runs share none.
    """
    middle = median(scores)
    if len(scores) < 2:
        return middle, middle, middle
    found = [_interval(independent_scores(scores, one)) for one in groupings(pretrainings)]
    low, high = max(found, key=lambda ends: ends[1] - ends[0])
    return middle, float(min(max(low, lowest), middle)), float(max(min(high, highest), middle))


def _interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    _, low, high = seed_interval(scores[:, None], _median_over_seeds, rng, resamples=RESAMPLES)
    return low, high


def _median_over_seeds(scores: NDArray[np.float64]) -> Any:
    return np.median(scores, axis=-2)[..., 0]
