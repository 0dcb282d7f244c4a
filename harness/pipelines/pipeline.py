"""One cell, top to bottom: load, encode, fit, predict, score. The same steps for every encoder and task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cells.cell import PROTOCOL, Cell
from harness.machine import distributed, provenance
from harness.nn.determinism import make_repeatable
from harness.pipelines.bm25_retrieval import LexicalSearch
from harness.pipelines.dense_retrieval import DenseSearch
from harness.pipelines.labelling import Labelling
from harness.pipelines.mteb import MtebEvaluation
from harness.pipelines.procedure import Procedure
from harness.progress import Reporter, silent
from harness.store import PREDICTIONS
from harness.store.record import RunRecord, run_record
from models import loading
from models.encoder import Encoder
from models.ranker import Ranker
from tasks.sources.overlap import overlap
from tasks.task import Task, constant_guess

PROCEDURES: Mapping[str, Callable[..., Procedure]] = {
    "token": Labelling,
    "span": Labelling,
    "sequence": Labelling,
    "embedding": DenseSearch,
    "mteb": MtebEvaluation,
}
"""How the tasks of each head are run."""

UNTRAINED_NOTE = "nothing was trained: the weights were scored as they are"


@dataclass(frozen=True)
class Run:
    """What a cell gave: the record, and one row an example of dev and test."""

    record: RunRecord
    predictions: list[dict[str, Any]]


def run(
    cell: Cell,
    encoder: Encoder | Ranker,
    weights: loading.Weights,
    task: Task,
    report: Reporter = silent,
    checkpoints: Path | None = None,
    curves: Path | None = None,
) -> Run | None:
    """Train an encoder on a dataset, as its task says, and score it on dev and test.

    Args:
        cell: what to run; everything in it is resolved.
        encoder: the cell's encoder, or what ranks documents without one.
        weights: the cell's weights.
        task: the cell's task.
        report: shows the stages.
        checkpoints: folder for the checkpoints of training, see `harness.nn.training.fit`.
        curves: folder for TensorBoard's curves of training.

    Returns:
        What the cell gave; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: training ended in a loss that is no number.
    """
    recipe, seconds = cell.recipe, dict[str, float]()
    make_repeatable(cell.seed)
    procedure = procedure_for(cell, encoder, weights, task)
    with _timed(seconds, "load"):
        data = procedure.load()
    with _timed(seconds, "encode"):
        procedure.encode()
    with _timed(seconds, "fit"):
        done = procedure.fit(report, checkpoints, curves)
    if not distributed.is_first():
        return None
    with _timed(seconds, "predict"):
        procedure.predict(report)
    with _timed(seconds, "score"):
        outcome = procedure.score()
    record = run_record(
        key=cell.key,
        model={
            "name": cell.model,
            "size": cell.size,
            "weights": cell.weights,
            "revision": weights.revision,
            "identity": weights.identity,
            **procedure.parameters(),
        },
        task={
            "name": task.family,
            "dataset": cell.task,
            "origin": data.origin,
            "fingerprint": data.fingerprint,
            "sources": dict(data.sources),
            "notes": [*data.notes, *recipe.doubts(), *([] if recipe.trains else [UNTRAINED_NOTE])],
            "metric": task.metric,
            "options": dict(cell.task_options),
            "n_dev": len(data.splits["dev"]),
            "n_test": len(data.splits["test"]),
            **procedure.counts(),
            "n_skipped": data.n_skipped,
            "overlap": dict(overlap(task, data).items()),
            "constant_guess": constant_guess(task, data.splits["test"]),
        },
        recipe={
            **recipe.as_record(),
            "protocol": PROTOCOL,
            "effective_batch_size": recipe.batch_size,
            "steps": done.steps,
            "resumed_from_step": done.resumed_from_step,
        },
        seed=cell.seed,
        tuned=outcome.tuned,
        scores=outcome.scores,
        losses=done.losses,
        seconds=seconds,
        peak_memory_mib=provenance.peak_memory_mib(),
        environment={**provenance.environment(), "processes": distributed.processes()},
        predictions=PREDICTIONS,
    )
    return Run(record, outcome.rows)


def procedure_for(cell: Cell, encoder: Encoder | Ranker, weights: loading.Weights, task: Task) -> Procedure:
    """How the cell is run: its task's head decides, unless there is no encoder to put a head on."""
    procedure: Callable[..., Procedure] = LexicalSearch if isinstance(encoder, Ranker) else PROCEDURES[task.head]
    return procedure(cell, encoder, weights, task)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - began
