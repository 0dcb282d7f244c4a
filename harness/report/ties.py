"""Marks the encoders of a table: by predictions where the store has them, else by the scores of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparison.entries import Entry
from harness.comparison.marks import MATTERS, Mark, from_predictions, from_seeds
from harness.errors import InputError
from harness.exchange.published import without_paths
from harness.store import PREDICTIONS, Store

RESAMPLES = 2000
_MOST_BYTES = 256 * 2**20
_MOST_FILES = 1000

PAIRED = "approximate randomisation over examples and seeds, Holm's correction within the table, 5 %"
WELCH = "Welch's t over seeds, Holm's correction within the table, 5 %"

SYMBOLS: dict[Mark, str] = {"tied": "†", "unclear": "‡"}
"""What is printed after a score; the best is bold."""
MEANINGS: dict[Mark, str] = {
    "tied": f"tied, no significant difference from the best, and the test would detect one of {MATTERS:g}",
    "unclear": f"cannot tell, too few seeds or test examples to detect a difference of {MATTERS:g} from the best",
}
LEGEND = "Bold: highest median over seeds. " + ". ".join(f"{SYMBOLS[mark]}: {MEANINGS[mark]}" for mark in SYMBOLS)


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

    def __call__(self, ranked: Sequence[Entry]) -> tuple[list[Mark], str]:
        """See `harness.report.comparable.Judge`."""
        if len(ranked) < 2:
            return ["best"], ""
        sizes = self._sizes(ranked)
        reason = "too many predictions to read for a report; harness compare reads them"
        if sum(sizes) <= self.bytes_left and len(sizes) <= self.files_left:
            self.bytes_left -= sum(sizes)
            self.files_left -= len(sizes)
            try:
                return from_predictions(ranked, self.store.predictions, RESAMPLES), PAIRED
            except InputError as error:
                reason = without_paths(str(error).partition(";")[0])
        if all(len(entry.runs) < 2 for entry in ranked):
            return from_seeds(ranked), f"none, as {reason}, and a single seed has no spread"
        return from_seeds(ranked), f"{WELCH} ({reason})"

    def _sizes(self, ranked: Sequence[Entry]) -> list[int]:
        """Of the files with the predictions of these entries, in bytes."""
        files = (self.store.folder_of(run) / PREDICTIONS for entry in ranked for run in entry.runs)
        return [file.stat().st_size for file in files if file.is_file()]
