"""How long cells take, judged by those that were run: before by the store, since then by the clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean, median

from harness.cells.cell import Cell
from harness.store import RECORD, Store, read_record
from harness.store.record import is_finished_run

_STARTING_S = 6.0
"""What a child takes to start and to load its libraries, which a record does not tell."""
_ENOUGH = 3
_LOOKED_AT = 12
_DECIDE_LENGTH = ("epochs", "max_steps", "batch_size", "max_length", "train_limit", "precision")


class Estimates:
    """Seconds of cells.

    Args:
        store: runs that were kept earlier.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seconds: dict[tuple[object, ...], list[float]] = defaultdict(list)
        self._folders: dict[str, list[str]] | None = None
        self._looked_up: set[tuple[object, ...]] = set()

    def add(self, cell: Cell, seconds: float) -> None:
        """Take in what a cell took."""
        self._seconds[_like(cell)].append(seconds)

    def seconds_of(self, cell: Cell) -> float | None:
        """What the cell will take; ``None`` where no cell like it was run."""
        like = _like(cell)
        if like not in self._looked_up and not self._seconds[like]:
            self._looked_up.add(like)
            self._seconds[like] += self._earlier(cell)
        return median(self._seconds[like]) if self._seconds[like] else None

    def left_s(self, cells: Sequence[Cell], workers: int) -> float | None:
        """What all these cells will take by so many workers; ``None`` where nothing is known of any.

        Cells of which nothing is known are taken to be like the mean of the others.
        """
        known = [seconds for cell in cells if (seconds := self.seconds_of(cell)) is not None]
        usual = mean(known) if known else self._mean()
        if usual is None:
            return None
        longest = max(known, default=usual) if cells else 0.0
        return max(longest, (sum(known) + usual * (len(cells) - len(known))) / workers)

    def _mean(self) -> float | None:
        every = [seconds for group in self._seconds.values() for seconds in group]
        return mean(every) if every else None

    def _earlier(self, cell: Cell) -> Iterable[float]:
        if self._folders is None:
            self._folders = defaultdict(list)
            names = [path.name for path in self._store.folder.iterdir()] if self._store.folder.is_dir() else []
            for name in names:
                self._folders[name.rpartition("_")[0]].append(name)
        found = 0
        for name in self._folders.get(self._store.path_of(cell).name.rpartition("_")[0], [])[:_LOOKED_AT]:
            record = read_record(self._store.folder / name / RECORD)
            if not is_finished_run(record):
                continue
            if all(record["recipe"].get(option) == getattr(cell.recipe, option) for option in _DECIDE_LENGTH):
                yield sum(record["seconds"].values()) + _STARTING_S
                found += 1
                if found == _ENOUGH:
                    return


def _like(cell: Cell) -> tuple[object, ...]:
    """What cells of like duration share."""
    return (cell.model, cell.size, cell.weights, cell.task, *(getattr(cell.recipe, name) for name in _DECIDE_LENGTH))
