"""Run one cell and store its result."""

from __future__ import annotations

import shlex
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cells.request import Request
from harness.errors import InputError, StoppedError
from harness.machine import distributed, memory
from harness.machine.libraries import quiet_libraries
from harness.machine.tracking import Curves
from harness.progress import shown, stderr
from harness.store import ERROR_LOG, Store, saved_model
from harness.store.record import ConformanceEntry, FailureRecord, FailureStatus, RunRecord
from harness.store.record_file import encoded
from models.encoder import Encoder

if TYPE_CHECKING:
    from harness.cells.cell import Cell
    from harness.cells.planned import Planned
    from harness.pipelines.pipeline import Run


@dataclass(frozen=True)
class Outcome:
    """A cell's record and the folder that holds it."""

    record: RunRecord | FailureRecord
    folder: Path


@dataclass(frozen=True)
class Keep:
    """Where the model of a run is kept.

    Attributes:
        folder: gets the model of this run.
        best_in: the folder of the best model of each encoder on each dataset; this run's is kept there if its dev score is higher.
    """

    folder: Path | None = None
    best_in: Path | None = None

    def __bool__(self) -> bool:
        return self.folder is not None or self.best_in is not None


NOTHING = Keep()


def run_one(
    request: Request, out: str, force: bool, curves_in: Curves | None = None, keep: Keep = NOTHING
) -> Outcome | None:
    """Run one cell in this process, or take its result from the store.

    Args:
        request: the run.
        out: folder of the store.
        force: run it even if the store has its result.
        curves_in: where the curves of training go; the run gets a folder of its own.
        keep: where the model is kept.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: the names, the data, the weights, the store or the folder for the model cannot be used.
    """
    store = Store(out)
    from harness.cells.plan import plan

    planned = plan(request)
    distributed.batch_share(planned.cell.recipe.batch_size)
    keep = _checked(planned, keep, force)
    with distributed.joined():
        return _find_or_run(planned, store, force, curves_in, keep)


def _find_or_run(planned: Planned, store: Store, force: bool, curves_in: Curves | None, keep: Keep) -> Outcome | None:
    cell = planned.cell
    distributed.refuse_different(cell.key)
    stderr.quiet = not distributed.is_first()
    stderr.print(
        f"{planned.label}, weights {cell.weights}, on {cell.task}, seed {cell.seed}, {cell.recipe.precision}, {planned.how}"
    )

    for doubt in cell.recipe.doubts():
        stderr.print(f"note: {doubt}")
    if len(planned.request.test) > len(cell.tests):
        stderr.print(f"note: {cell.task} is what the model is trained on, so it is scored anyway")

    def stored() -> RunRecord | None:
        found = None if force else distributed.from_first(lambda: store.find(cell))
        if found and distributed.from_first(lambda: _lacks_model(found, keep, planned)):
            stderr.print("the store has this run but its model was not kept, so it is run again")
            return None
        if found:
            stderr.print("the store already has this run; this is its result (--force runs it again)")
        return found

    if record := stored():
        return Outcome(_renamed(record, planned, store), store.path_of(cell))
    store.check_writable()
    if distributed.is_first():
        store.tidy()
    with _alone(store, cell), _saying_what_is_saved(store, cell):
        if record := stored():  # another process ran it while this one waited
            return Outcome(_renamed(record, planned, store), store.path_of(cell))
        return _run_planned(planned, store, curves_in, keep)


def _renamed(record: RunRecord, planned: Planned, store: Store) -> RunRecord:
    """A stored record under the name that was asked for; without ``--name`` it keeps its name, which is then said."""
    was = record["model"]["name"]
    if was == planned.name or not planned.own_name:
        return record
    if planned.request.name is None:
        stderr.print(f"note: the store calls this model {was}; --name {shlex.quote(planned.name)} renames it")
        return record
    command = planned.command(record["task"]["origin"])
    renamed = distributed.from_first(lambda: store.rename(planned.cell, planned.name, command))
    stderr.print(f"the store called this model {was}; it is {planned.name} now")
    return renamed or record


def _checked(planned: Planned, keep: Keep, force: bool) -> Keep:
    """What can be kept of this cell, after a check of the folders before training."""
    from models.ranker import Ranker

    cell = planned.cell
    if isinstance(planned.encoder, Ranker) or planned.task.head not in saved_model.SAVED_HEADS:
        if keep.folder is not None:
            raise InputError(
                f"--save-model keeps models with labels or answers and retrievers, not {cell.model} on {cell.task}; leave it out"
            )
        return NOTHING
    if keep.folder is not None and distributed.is_first():
        saved_model.check_folder(keep.folder, cell.key, force)
    if keep.best_in is not None and distributed.is_first():
        folder = saved_model.best_folder(keep.best_in, cell, planned.own_name)
        there = saved_model.read_saved(folder)
        saved_model.check_folder(folder, there["key"] if there else cell.key, force)
    return keep


def _lacks_model(record: RunRecord, keep: Keep, planned: Planned) -> bool:
    """Whether a stored run has to be run again for its model."""
    if keep.folder is not None:
        there = saved_model.read_saved(keep.folder)
        if there is None or there["key"] != planned.cell.key:
            return True
    if keep.best_in is None:
        return False
    dev = saved_model.dev_of(record)
    folder = saved_model.best_folder(keep.best_in, planned.cell, planned.own_name)
    return saved_model.is_better(dev, record["task"]["fingerprint"], folder)


def _keep_model(planned: Planned, done: Run, keep: Keep) -> None:
    """Write the model of a finished run, whose record is stored already."""
    if done.trained is None:
        return
    from harness.pipelines.save_model import save_model

    record, head = done.record, planned.task.head
    if keep.folder is not None:
        save_model(done.trained, record, head, keep.folder)
        stderr.print(f"the model is in {keep.folder}")
    if keep.best_in is not None:
        folder = saved_model.best_folder(keep.best_in, planned.cell, planned.own_name)
        dev = saved_model.dev_of(record)
        with saved_model.alone(folder):
            if saved_model.is_better(dev, record["task"]["fingerprint"], folder):
                save_model(done.trained, record, head, folder)
                stderr.print(f"the best model on dev so far; it is in {folder}")


@contextmanager
def _alone(store: Store, cell: Cell) -> Iterator[None]:
    """Hold the cell's lock, after waiting for another process that runs it. If processes train together, the first holds it."""
    if not distributed.is_first():
        yield
        return
    with store.lock(cell, wait=False) as free:
        if free:
            yield
            return
    stderr.print("another process runs this cell; waiting for it")
    with store.lock(cell):
        yield


@contextmanager
def _saying_what_is_saved(store: Store, cell: Cell) -> Iterator[None]:
    """Tell the user who stops the run whether the same command continues it or starts it again."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise StoppedError.of_training(store.training_folder(cell).exists()) from stop


def _run_planned(planned: Planned, store: Store, curves_in: Curves | None, keep: Keep) -> Outcome | None:
    cell = planned.cell
    if planned.weights.kind == "hub":
        stderr.print(f"reading {planned.weights.location} from the hub or its local cache")
    if cell.tests and store.has(replace(cell, tests=())):
        stderr.print(
            "the store has this training without the test sets, but not its model, so the model is trained again"
        )
    if store.training_folder(cell).exists():
        stderr.print("an earlier attempt was cut off; training continues from its last checkpoint")
    curves = curves_in.of_run(store.path_of(cell).name) if curves_in else None
    quiet_libraries()
    conformance = _conformance(planned, store)
    from harness.pipelines.pipeline import run

    try:
        with shown() as report:
            done = run(planned, report, store.training_folder(cell), curves, bool(keep))
    except InputError:
        raise
    except Exception as error:
        return _failed(planned, store, error)
    if done is None:
        return None
    if conformance is not None:
        done.record["model"]["conformance"] = conformance
    folder = _keep_run(planned, store, done)
    _keep_model(planned, done, keep)
    # The record is stored before anything is printed, so that an error in printing cannot lose a finished run.
    if curves_in and "tensorboard" in curves_in.trackers:
        stderr.print(f"training curves: tensorboard --logdir {curves_in.folder}")
    for note in done.record["task"]["notes"]:
        if note not in cell.recipe.doubts():  # they were shown before the run
            stderr.print(f"note: {note}")
    for test in done.record.get("tests", []):
        for note in test["task"]["notes"]:
            if note not in done.record["task"]["notes"]:
                stderr.print(f"note on {test['task']['dataset']}: {note}")
    return Outcome(done.record, folder)


def _conformance(planned: Planned, store: Store) -> ConformanceEntry | None:
    """The verdict on an encoder that is not in the registry, which is checked before its first run."""
    if not isinstance(planned.encoder, Encoder) or planned.fine_tuned is not None or not distributed.is_first():
        return None
    from harness.conformance.verdict import verdict

    found = verdict(planned.encoder, planned.cell.size, planned.weights, store.folder)
    if found and found["failed"]:
        stderr.print(f"note: {planned.name} fails checks of conformance: {'; '.join(found['failed'])}")
    return found


def _keep_run(planned: Planned, store: Store, done: Run) -> Path:
    """Store a finished run and remove its checkpoints; returns its folder."""
    done.record["command"] = planned.command(done.record["task"]["origin"])
    folder = store.write(planned.cell, done.record, done.predictions)
    shutil.rmtree(store.training_folder(planned.cell), ignore_errors=True)
    return folder


def _failed(planned: Planned, store: Store, error: Exception) -> Outcome:
    """Store the failure that is being handled and say so."""
    sentence = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    record = planned.failure(_status_of(error), sentence)
    log = _keep_failure(store, planned.cell, record, traceback.format_exc())
    stderr.quiet = not distributed.speaks_of_errors()
    stderr.print(f"harness: the run failed: {sentence} (details in {log})")
    return Outcome(record, log)


def _keep_failure(store: Store, cell: Cell, record: FailureRecord, log: str) -> Path:
    """Store a failure unless the store has a finished run; returns the file with its messages."""
    if distributed.is_first() and not store.has(cell):
        return store.write(cell, record, None, log) / ERROR_LOG
    process = f".process-{distributed.rank()}" if distributed.rank() else ""
    file = store.folder / f"{store.path_of(cell).name}{process}.{ERROR_LOG}"
    file.write_bytes(encoded(log))
    return file


def _status_of(error: Exception) -> FailureStatus:
    from harness.nn.training import DivergedError

    if isinstance(error, DivergedError):
        return "diverged"
    return "oom" if isinstance(error, MemoryError) or memory.says_out_of_memory(str(error)) else "failed"
