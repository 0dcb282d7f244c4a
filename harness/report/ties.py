"""Marks the encoders of a table: by predictions where the store has them, else by the scores of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.comparison.entries import Entry
from harness.comparison.marks import MATTERS, Mark, from_predictions, from_seeds
from harness.comparison.paired_test import terms
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
    """Judges tables one after the other. Shares that it has read are kept, because several tables hold the same entries.

    Attributes:
        store: where predictions are read.
        bytes_left, files_left: of predictions that may still be read; a report ends within seconds whatever the store
            holds.
    """

    store: Store
    bytes_left: int = _MOST_BYTES
    files_left: int = _MOST_FILES
    _kept: dict[tuple[str, ...], tuple[list[str], NDArray[np.float64]]] = field(default_factory=dict)

    def __call__(self, ranked: Sequence[Entry]) -> tuple[list[Mark], str]:
        """See `harness.report.comparable.Judge`."""
        if len(ranked) < 2:
            return [""], ""
        try:
            self._take(ranked)
            return from_predictions(ranked, self._shares, RESAMPLES), PAIRED
        except InputError as error:
            reason = without_paths(str(error).partition(";")[0])
        if all(len(entry.runs) < 2 for entry in ranked):
            return from_seeds(ranked), f"none, as {reason}, and a single seed has no spread"
        return from_seeds(ranked), f"{WELCH} ({reason})"

    def terms(self, entries: Sequence[Entry]) -> list[NDArray[np.float64]] | None:
        """The terms of these entries, each of shape (runs, examples, 2).

        Returns:
            ``None`` if predictions of one cannot be read, are too many to read, or are of other examples.
        """
        try:
            self._take(entries)
            found = [self._shares(entry) for entry in entries]
        except InputError:
            return None
        return [shares for _, shares in found] if all(ids == found[0][0] for ids, _ in found) else None

    def _take(self, entries: Sequence[Entry]) -> None:
        """Count the predictions of these entries that have not been read yet.

        Raises:
            InputError: they are too many.
        """
        sizes = self._sizes([entry for entry in entries if _name(entry) not in self._kept])
        if sum(sizes) > self.bytes_left or len(sizes) > self.files_left:
            raise InputError("too many predictions to read for a report; harness compare reads them")
        self.bytes_left -= sum(sizes)
        self.files_left -= len(sizes)

    def _shares(self, entry: Entry) -> tuple[list[str], NDArray[np.float64]]:
        if (name := _name(entry)) not in self._kept:
            self._kept[name] = terms(entry, self.store.predictions)
        return self._kept[name]

    def _sizes(self, entries: Sequence[Entry]) -> list[int]:
        """Of the files with the predictions of these entries, in bytes."""
        files = (self.store.folder_of(run) / PREDICTIONS for entry in entries for run in entry.runs)
        return [file.stat().st_size for file in files if file.is_file()]


def _name(entry: Entry) -> tuple[str, ...]:
    """Unique for an entry and its test set."""
    return (entry.where, *(run["key"] for run in entry.runs))
