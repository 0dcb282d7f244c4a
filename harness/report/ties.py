"""Which encoders tie with the best of a table: from predictions where the store has them, else from the scores of seeds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.comparison.entries import Entry
from harness.comparison.paired_test import SIGNIFICANCE, ties_with_best
from harness.comparison.stats import holm
from harness.errors import InputError
from harness.store import PREDICTIONS, Store

RESAMPLES = 2000
_MOST_BYTES = 256 * 2**20
_MOST_FILES = 1000

PAIRED = "approximate randomisation over examples and seeds, Holm's correction within the table, 5 %"
WELCH = "Welch's t over seeds, Holm's correction within the table, 5 %"


@dataclass
class Ties:
    """Judges tables one after the other.

    Attributes:
        store: where predictions are read.
        bytes_left, files_left: of predictions that may still be read; a report ends within seconds whatever the store
            holds.
    """

    store: Store
    bytes_left: int = _MOST_BYTES
    files_left: int = _MOST_FILES

    def __call__(self, ranked: Sequence[Entry]) -> tuple[set[int], str]:
        """See `harness.report.comparable.Judge`."""
        if len(ranked) < 2:
            return {0}, ""
        sizes = self._sizes(ranked)
        reason = "too many predictions to read for a report: compare reads them"
        if sum(sizes) <= self.bytes_left and len(sizes) <= self.files_left:
            self.bytes_left -= sum(sizes)
            self.files_left -= len(sizes)
            try:
                return ties_with_best(ranked, self.store.predictions, resamples=RESAMPLES), PAIRED
            except InputError as error:
                reason = str(error).partition(";")[0]
        if min(len(entry.runs) for entry in ranked) < 2:
            return {0}, f"none, as {reason}, and a single seed tells of no spread"
        return ties_over_seeds(ranked), f"{WELCH} ({reason})"

    def _sizes(self, ranked: Sequence[Entry]) -> list[int]:
        """Of the files with the predictions of these entries, in bytes."""
        files = (self.store.folder_of(run) / PREDICTIONS for entry in ranked for run in entry.runs)
        return [file.stat().st_size for file in files if file.is_file()]


def ties_over_seeds(ranked: Sequence[Entry]) -> set[int]:
    """Which entries are not significantly worse than the first, by Welch's one-sided t over two seeds or more, Holm-corrected.

    Returns:
        Indices, the first among them.
    """
    best = ranked[0].scores()
    corrected = holm([_welch(best, entry.scores()) for entry in ranked[1:]])
    return {0} | {place for place, p in enumerate(corrected, start=1) if p >= SIGNIFICANCE}


def _welch(best: Sequence[float], scores: Sequence[float]) -> float:
    """The p-value of the best being no better."""
    from scipy.stats import ttest_ind

    if np.ptp(best) == np.ptp(scores) == 0:
        return float(best[0] <= scores[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of scores that are nearly equal, whose p-value is right
        return float(ttest_ind(best, scores, equal_var=False, alternative="greater").pvalue)
