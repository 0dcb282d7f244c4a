"""How many runs a sweep has for each entry of its results, so that a table can say which are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from harness.cells.cell import Cell
from harness.cells.recipe import RECIPE_FIELDS
from harness.comparison.entries import Entry

_Training = tuple[object, ...]
_SHARED = tuple(name for name in RECIPE_FIELDS if name != "learning_rate")


def runs_asked(cells: Iterable[Cell]) -> Callable[[Entry], int]:
    """A function from an entry to the number of runs that it has once all these cells are done.

    Args:
        cells: of the sweep; the runs of every entry are theirs.
    """
    seeds: dict[tuple[_Training, str], set[int]] = defaultdict(set)
    trainings: dict[str, _Training] = {}
    for cell in cells:
        trainings[cell.key] = _training(cell)
        for dataset in (cell.task, *(name for name, _ in cell.tests)):
            seeds[trainings[cell.key], dataset].add(cell.seed)

    def asked(entry: Entry) -> int:
        # Checkpoints whose pretrainings differ in their seed are one entry, and each has its own seeds.
        checkpoints = {trainings[run["key"]] for run in entry.runs}
        return sum(len(seeds[checkpoint, entry.dataset]) for checkpoint in checkpoints)

    return asked


def _training(cell: Cell) -> _Training:
    """What cells of one entry share: all but seed, learning rate and test sets."""
    model = cell.model, cell.size, cell.weights_identity
    return *model, cell.task, cell.data_identity, cell.task_options, cell.recipe.values_of(_SHARED)
