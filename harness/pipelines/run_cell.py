"""Run cells and keep what they gave."""

from __future__ import annotations

import logging
import shutil
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cells.request import Request
from harness.errors import InputError, StoppedError
from harness.machine import distributed, memory, provenance
from harness.progress import shown, stderr
from harness.store import ERROR_LOG, SCHEMA_VERSION, Record, Store

if TYPE_CHECKING:
    from harness.cells.cell import Cell
    from harness.cells.plan import Planned
    from harness.conformance.check import Check


@dataclass(frozen=True)
class Outcome:
    """A cell's record and the folder that holds it."""

    record: Record
    folder: Path


def run_one(request: Request, out: str, force: bool, curves_in: Path | None = None) -> Outcome | None:
    """Run one cell in this process, or take its result from the store.

    Args:
        request: what to run.
        out: folder of the store.
        force: run it even if the store has its result.
        curves_in: folder in which the run gets a folder of its own for TensorBoard's curves.

    Returns:
        What came of it; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: the names, the data, the weights or the store are not usable.
    """
    store = Store(out)
    from harness.cells.plan import plan  # torch, a second or two

    planned = plan(request)
    distributed.batch_share(planned.cell.recipe.batch_size)
    with distributed.joined():
        return _find_or_run(planned, store, force, curves_in)


def _find_or_run(planned: Planned, store: Store, force: bool, curves_in: Path | None) -> Outcome | None:
    cell = planned.cell
    distributed.refuse_different(cell.key)
    stderr.quiet = not distributed.is_first()
    stderr.print(
        f"{cell.model} {cell.size}, weights {cell.weights}, on {cell.task}, seed {cell.seed}, {cell.recipe.precision}, "
        + (f"lr {cell.recipe.learning_rate:g}" if cell.recipe.trains else "untrained")
    )

    def stored() -> Record | None:
        found = None if force else distributed.from_first(lambda: store.find(cell))
        if found:
            stderr.print("the store has this run already, and this is its result (--force runs it anew)")
        return found

    if record := stored():
        return Outcome(record, store.path_of(cell))
    store.check_writable()
    if distributed.is_first():
        store.tidy()
    with _alone(store, cell), _saying_what_is_saved(store, cell):
        if record := stored():  # another process ran it while this one waited
            return Outcome(record, store.path_of(cell))
        return _run_planned(planned, store, curves_in)


@contextmanager
def _alone(store: Store, cell: Cell) -> Iterator[None]:
    """Hold the cell, after another process that runs it now; where several run one cell, the first holds it for all."""
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
        checkpoint = store.training_folder(cell).exists()
        saved = "The last checkpoint is saved" if checkpoint else "Nothing of this run is saved yet"
        again = "continue from it" if checkpoint else "start again"
        raise StoppedError(f"{saved}; run the same command to {again}.") from stop


def _run_planned(planned: Planned, store: Store, curves_in: Path | None) -> Outcome | None:
    cell = planned.cell
    if planned.weights.kind == "hub":
        stderr.print(f"reading {planned.weights.location} from the hub or its local cache")
    if store.training_folder(cell).exists():
        stderr.print("an earlier attempt was cut off; training goes on from its last checkpoint")
    curves = curves_in / store.path_of(cell).name if curves_in else None
    _quiet_libraries()
    from harness.pipelines.pipeline import run

    try:
        with shown() as report:
            done = run(
                cell, planned.encoder, planned.weights, planned.task, report, store.training_folder(cell), curves
            )
        if done is None:
            return None
    except InputError:
        raise
    except Exception as error:
        status, sentence = _status_of(error), f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        record = failure_record(planned, status, sentence)
        log = _keep_failure(store, cell, record, traceback.format_exc())
        stderr.quiet = not distributed.speaks_of_errors()
        stderr.print(f"harness: the run failed: {sentence} (details in {log})", markup=False)
        return Outcome(record, log)
    if curves:
        stderr.print(f"curves of training: tensorboard --logdir {curves_in}", markup=False)
    for note in done.record["task"]["notes"]:
        stderr.print(f"note: {note}")
    resolved = planned.resolved
    if done.record["task"]["origin"] == "embedded":
        resolved = replace(resolved, data_dir=None)
    done.record["command"] = resolved.command()
    folder = store.write(cell, done.record, done.predictions)
    shutil.rmtree(store.training_folder(cell), ignore_errors=True)
    return Outcome(done.record, folder)


def failure_record(planned: Planned, status: str, error: str) -> Record:
    """The record of a cell that did not finish: of the kind ``failure``, so that nothing takes it for a run.

    Args:
        planned: what was run.
        status: ``failed``, ``oom`` or ``diverged``.
        error: one sentence.
    """
    cell = planned.cell
    return {
        "schema_version": SCHEMA_VERSION,
        "key": cell.key,
        "kind": "failure",
        "status": status,
        "error": error,
        "model": {
            "name": cell.model,
            "size": cell.size,
            "weights": cell.weights,
            "identity": cell.weights_identity,
        },
        "task": {
            "name": cell.task.partition("/")[0],
            "dataset": cell.task,
            "options": dict(cell.task_options),
        },
        "recipe": asdict(cell.recipe),
        "seed": cell.seed,
        "environment": provenance.environment(),
        "command": planned.resolved.command(),
    }


def _keep_failure(store: Store, cell: Cell, record: Record, log: str) -> Path:
    """Keep a failure where it replaces no finished run; returns the file of its messages."""
    if distributed.is_first() and not store.has(cell):
        return store.write(cell, record, None, log) / ERROR_LOG
    process = f".process-{distributed.rank()}" if distributed.rank() else ""
    file = store.folder / f"{store.path_of(cell).name}{process}.{ERROR_LOG}"
    file.write_text(log, encoding="utf-8")
    return file


def _status_of(error: Exception) -> str:
    from harness.nn.training import DivergedError

    if isinstance(error, DivergedError):
        return "diverged"
    return "oom" if isinstance(error, MemoryError) or memory.says_out_of_memory(str(error)) else "failed"


def check_one(model: str, weights: str, size: str | None) -> list[Check]:
    """Certify one encoder, see `harness.conformance.check`.

    Raises:
        InputError: the names or the weights are not usable.
    """
    from harness.cells.plan import resolve_size
    from harness.conformance.check import check
    from models import MODELS, loading

    encoder = MODELS[model]
    size = resolve_size(encoder, weights, size)
    found = loading.find_weights(encoder, size, weights)
    _quiet_libraries()
    built, tokenizer = loading.load(encoder, size, found)
    with shown() as report:
        return check(
            built, built.config.vocab_size, tokenizer.pad_token_id, tokenizer.all_special_ids,
            loading.max_length(built, encoder, size), model_options=encoder.model_options, progress=report("check"),
        )  # fmt: skip


def _quiet_libraries() -> None:
    """Keep the libraries' remarks about their own insides off the user's terminal."""
    import datasets
    import transformers

    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
