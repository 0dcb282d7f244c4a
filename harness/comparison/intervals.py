"""The interval of a median over seeds, as every table, page and card shows it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.stats import seed_interval

RESAMPLES = 2000


def interval_over_seeds(scores: Sequence[float], lowest: float = 0.0) -> tuple[float, float, float]:
    """The median of the scores and its 95 % interval for new seeds, see `harness.comparison.stats.seed_interval`.

    The interval is cut at the lowest possible score and at 1.

    With one seed both ends are the score, since nothing is known of the spread.
    """
    middle = median(scores)
    if len(scores) < 2:
        return middle, middle, middle
    rng = np.random.default_rng(0)
    _, low, high = seed_interval(np.array(scores)[:, None], _median_over_seeds, rng, resamples=RESAMPLES)
    return middle, float(min(max(low, lowest), middle)), float(max(min(high, 1.0), middle))


def _median_over_seeds(scores: NDArray[np.float64]) -> Any:
    return np.median(scores, axis=-2)[..., 0]
