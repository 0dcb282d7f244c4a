"""What a request becomes: a cell with the objects of its names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from harness.cells import candidates
from harness.cells.cell import Cell
from harness.cells.request import Request
from harness.cells.task_options import chosen_options
from harness.machine import provenance
from harness.store.record import OWN_SIZE, FailureRecord, FailureStatus, ModelEntry, failure_record
from harness.store.saved_model import SavedModel, saved_in
from models.encoder import Encoder
from models.fine_tuned import FineTuned
from models.ranker import Ranker
from models.weights import Weights
from tasks.rerank import Rerank
from tasks.task import Task

TaskT = TypeVar("TaskT", bound=Task, covariant=True)


@dataclass(frozen=True)
class TestSet(Generic[TaskT]):
    """A dataset that a model is tested on after it was trained on another.

    Attributes:
        name: ``family/dataset``.
        task: reads, decodes and scores it.
        identity: of its examples, see `tasks.task.Task.identity`.
    """

    name: str
    task: TaskT
    identity: str

    @property
    def dataset(self) -> str:
        """The name of the dataset within its family."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class Planned:
    """A cell with the objects of its names, and the request that it was planned for.

    Attributes:
        fine_tuned: the checkpoint that is scored as it is; ``None`` if the cell trains a head or an encoder.
        own_name: of the model in reports, see `harness.cells.names`; empty if it is called as its encoder.
    """

    request: Request
    cell: Cell
    encoder: Encoder | Ranker
    weights: Weights
    task: Task
    tests: tuple[TestSet[Task], ...] = ()
    fine_tuned: FineTuned | None = None
    own_name: str = ""

    @property
    def name(self) -> str:
        """What reports call the model."""
        return self.own_name or self.cell.model

    @property
    def label(self) -> str:
        """The model in a few words: its name, with its size where a registered encoder has several."""
        return self.name if self.cell.size == OWN_SIZE else f"{self.name} {self.cell.size}"

    @property
    def how(self) -> str:
        """How the model learns the task in a few words: its learning rate, or that nothing is trained."""
        if self.cell.recipe.trains:
            return f"lr {self.cell.recipe.learning_rate:g}"
        return "as it is" if self.fine_tuned else "untrained"

    @property
    def model(self) -> ModelEntry:
        """The model of the cell's record."""
        cell = self.cell
        entry: ModelEntry = {
            "name": self.name,
            "size": cell.size,
            "weights": cell.weights,
            "identity": cell.weights_identity,
        }
        if self.own_name:
            entry["architecture"] = cell.model
        return entry

    @property
    def saved(self) -> SavedModel | None:
        """What the checkpoint that is scored is, if this harness saved it."""
        return saved_in(self.fine_tuned.config) if self.fine_tuned else None

    @property
    def resolved(self) -> Request:
        """The request with nothing left to defaults, to the machine or to the hub: it gives the same cell anywhere."""
        names = tuple(name for name, _ in self.cell.tests)
        options = dict(chosen_options(self.task))
        if isinstance(self.task, Rerank):
            options["candidates"] = candidates.repeatable(options["candidates"])
        resolved = self.request.resolved(self.cell.task, self.cell.recipe, options)
        model, weights = self.weights.repeatable(resolved.model), self.weights.repeatable(resolved.weights)
        return replace(resolved, model=model, weights=weights, test=names)

    def command(self, origin: str) -> str:
        """The command that repeats the run on any machine.

        Args:
            origin: of the data, as the record names it; embedded data need no folder.
        """
        resolved = self.resolved
        return (replace(resolved, data_dir=None) if origin == "embedded" else resolved).command()

    def failure(self, status: FailureStatus, error: str) -> FailureRecord:
        """The record of this cell if it did not finish, with one sentence that says why."""
        cell = self.cell
        return failure_record(
            key=cell.key,
            status=status,
            error=error,
            model=self.model,
            task={
                "name": cell.task.partition("/")[0],
                "dataset": cell.task,
                "options": dict(cell.task_options),
            },
            recipe=cell.recipe.as_record(),
            seed=cell.seed,
            environment=provenance.environment(),
            command=self.resolved.command(),
        )


@dataclass(frozen=True)
class Unsuited:
    """A model and a task that cannot go together."""

    model: str
    task: str
    reason: str
