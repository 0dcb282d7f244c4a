"""Other datasets that a trained model is tested on: read and checked before the training, so that no hour is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from harness.cells.cell import Cell
from harness.cells.planned import TestSet
from harness.errors import InputError
from harness.pipelines.stages import limited
from tasks.data import Data, Example, Split
from tasks.label_names import output_names
from tasks.task import Task

DataT = TypeVar("DataT", bound=Data)
TaskT = TypeVar("TaskT", bound=Task)


@dataclass(frozen=True)
class Target(Generic[TaskT, DataT]):
    """A test set that is read.

    Attributes:
        test: the test set.
        data: its test split, and the train split of the training; dev is empty.
        outputs: its names for the outputs of the trained head, see `tasks.label_names.output_names`.
        caveats: on labels without a counterpart, one sentence at most.
    """

    test: TestSet[TaskT]
    data: DataT
    outputs: tuple[str, ...]
    caveats: tuple[str, ...] = ()


def read_test_set(test: TestSet[TaskT], cell: Cell, trained: DataT) -> Target[TaskT, DataT]:
    """Read a test set and check that the trained model can be scored on it.

    Args:
        test: to read.
        cell: whose model is tested.
        trained: the data of its training.

    Raises:
        InputError: it cannot be read, has no test example, or has a label that the training data do not have.
    """
    # One family reads all its datasets into one class.
    data = cast("DataT", test.task.load(test.dataset, cell.data_dir, cell.skip_bad))
    if not data.splits["test"]:
        raise InputError(f"the test set {test.name} has no test example, so there is nothing to score; leave it out")
    outputs, note = output_names(trained.labels, data.labels, test.name)
    splits: dict[Split, Sequence[Example]] = {"train": trained.splits["train"], "dev": [], "test": data.splits["test"]}
    limited_to = limited(replace(data, splits=splits), cell.recipe)
    return Target(test, limited_to, outputs, (note,) if note else ())
