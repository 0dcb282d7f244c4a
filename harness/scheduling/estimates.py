"""Estimates of how long cells take: from similar cells, in the store or run since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean, median

from harness.cells.cell import Cell
from harness.cells.recipe import DECIDE_DURATION, RECIPE_FIELDS
from harness.store import RECORD, Store, read_record
from harness.store.record import is_finished_run

_STARTING_S = 6.0
"""Seconds of a child to start and to load its libraries, which a record does not contain."""
_ENOUGH = 3
"""Similar records that an estimate uses."""
_MOST_READ = 12
"""Records that are read at most to find them."""

_Like = tuple[object, ...]


class Estimates:
    """Seconds of cells.

    Args:
        store: runs that were kept earlier.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seconds: dict[_Like, list[float]] = defaultdict(list)
        self._folders: dict[str, list[str]] | None = None
        self._looked_up: set[_Like] = set()

    def add(self, cell: Cell, seconds: float) -> None:
        """Add how long a cell took that has finished."""
        self._seconds[_like(cell)].append(seconds)

    def seconds_of(self, cell: Cell) -> float | None:
        """How long the cell will take; ``None`` if no similar cell was run."""
        like = _like(cell)
        if like not in self._looked_up and not self._seconds[like]:
            self._looked_up.add(like)
            self._seconds[like] += self._earlier(cell)
        return median(self._seconds[like]) if self._seconds[like] else None

    def left_s(self, cells: Sequence[Cell], workers: int) -> float | None:
        """How long this number of workers will take for all these cells; ``None`` if nothing is known about any.

        A cell without an estimate counts as the mean of the others.
        """
        known = [seconds for cell in cells if (seconds := self.seconds_of(cell)) is not None]
        usual = mean(known) if known else self._mean()
        if usual is None:
            return None
        longest = max(known, default=usual) if cells else 0.0
        return max(longest, (sum(known) + usual * (len(cells) - len(known))) / workers)

    def unknown(self, cells: Sequence[Cell]) -> int:
        """How many of these cells have no estimate."""
        return sum(self.seconds_of(cell) is None for cell in cells)

    def _mean(self) -> float | None:
        every = [seconds for group in self._seconds.values() for seconds in group]
        return mean(every) if every else None

    def _earlier(self, cell: Cell) -> Iterable[float]:
        """Seconds of similar runs in the store."""
        found = 0
        wanted = cell.recipe.values_of(DECIDE_DURATION)
        for name in self._same_task(cell)[:_MOST_READ]:
            record = read_record(self._store.folder / name / RECORD)
            if not is_finished_run(record):
                continue
            # Records lack fields that were at their default.
            theirs = tuple(record["recipe"].get(name, RECIPE_FIELDS[name].default) for name in DECIDE_DURATION)
            if theirs != wanted:
                continue
            yield sum(record["seconds"].values()) + _STARTING_S
            found += 1
            if found == _ENOUGH:
                return

    def _same_task(self, cell: Cell) -> list[str]:
        """The folders of this model's runs on this task."""
        if self._folders is None:
            self._folders = defaultdict(list)
            names = [path.name for path in self._store.folder.iterdir()] if self._store.folder.is_dir() else []
            for name in names:
                self._folders[name.rpartition("_")[0]].append(name)
        return self._folders.get(self._store.path_of(cell).name.rpartition("_")[0], [])


def _like(cell: Cell) -> _Like:
    """The properties that cells of similar duration share."""
    return (cell.model, cell.size, cell.weights, cell.task, *cell.recipe.values_of(DECIDE_DURATION))
