"""Run one cell and build its record. The task's head decides the kind of run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.cells.cell import PROTOCOL
from harness.cells.plan import Planned
from harness.cells.request import SCORE_FIELDS, ScoreRequest
from harness.machine import distributed, provenance
from harness.machine.tracking import Curves
from harness.nn.determinism import make_repeatable
from harness.pipelines.bm25_retrieval import bm25_retrieval
from harness.pipelines.dense_retrieval import dense_retrieval
from harness.pipelines.labelling import label
from harness.pipelines.language_modelling import minimal_pairs, text_loss
from harness.pipelines.mteb import mteb
from harness.pipelines.reranking import rerank
from harness.pipelines.stages import Parts, Result, Stages, Trained
from harness.progress import Reporter, silent
from harness.store import PREDICTIONS
from harness.store.pretrained import origin_of
from harness.store.record import (
    ModelEntry,
    PretrainingOrigin,
    RecipeEntry,
    RunRecord,
    TaskEntry,
    TrainedEntry,
    run_record,
)
from harness.store.saved_model import SavedModel
from models.ranker import Ranker
from tasks.sources.overlap import overlap
from tasks.task import Row, constant_guess

# A head decides which encoder and task classes a cell has, which the type checker cannot know.
KINDS: Mapping[str, Callable[[Any, Any, Stages], Result | None]] = {
    "token": label,
    "span": label,
    "sequence": label,
    "query": label,
    "pair": rerank,
    "embedding": dense_retrieval,
    "mteb": mteb,
    "masked_lm": text_loss,
    "pseudo_likelihood": minimal_pairs,
}
"""The function that runs the tasks of each head."""

UNTRAINED_NOTE = "nothing was trained: the given weights were scored"
SCORED_NOTE = "the checkpoint was scored as it is: it was fine-tuned before"


@dataclass(frozen=True)
class Run:
    """A finished cell.

    Attributes:
        record: of the cell.
        predictions: one row per example of dev and test.
        trained: the model, if it is to be kept.
    """

    record: RunRecord
    predictions: list[Row]
    trained: Trained | None = None


def run(
    planned: Planned,
    report: Reporter = silent,
    checkpoints: Path | None = None,
    curves: Curves | None = None,
    keep_model: bool = False,
) -> Run | None:
    """Train an encoder on a dataset, as its task requires, or take a fine-tuned checkpoint, and score it on dev and test.

    Args:
        planned: the cell with the objects of its names.
        report: shows progress.
        checkpoints: folder for training checkpoints, see `harness.nn.training.TrainingOptions`.
        curves: where the curves of training go.
        keep_model: return the trained model too.

    Returns:
        The finished cell; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    make_repeatable(planned.cell.seed)
    kind = bm25_retrieval if isinstance(planned.encoder, Ranker) else KINDS[planned.task.head]
    stage = Stages(report)
    told = planned.request.labels if isinstance(planned.request, ScoreRequest) else {}
    parts: Parts[Any, Any] = Parts(
        planned.encoder, planned.weights, planned.task, checkpoints, curves, planned.fine_tuned, told, keep_model
    )
    result = kind(planned.cell, parts, stage)
    return None if result is None else Run(_record(planned, result, stage.seconds), result.rows, result.trained)


def _record(planned: Planned, result: Result, seconds: Mapping[str, float]) -> RunRecord:
    origin = origin_of(Path(planned.weights.location)) if planned.weights.kind == "folder" else None
    record = run_record(
        key=planned.cell.key,
        model=_model(planned, result, origin),
        task=_task(planned, result, origin),
        recipe=_recipe(planned, result),
        seed=planned.saved["seed"] if planned.saved else planned.cell.seed,
        tuned=result.tuned,
        scores=result.scores,
        losses=result.fit.losses,
        seconds=seconds,
        peak_memory_mib=provenance.peak_memory_mib(),
        environment={**provenance.environment(), "processes": distributed.processes()},
        predictions=PREDICTIONS,
    )
    if planned.fine_tuned is not None:
        record["trained"] = _trained(planned.saved)
    return record


def _trained(saved: SavedModel | None) -> TrainedEntry:
    """Where the checkpoint that was scored comes from."""
    if saved is None:
        return {"where": "elsewhere"}
    return {
        "where": "harness",
        "key": saved["key"],
        "task": saved["task"],
        "fingerprint": saved["fingerprint"],
        "model": saved["model"],
    }


def _model(planned: Planned, result: Result, origin: PretrainingOrigin | None) -> ModelEntry:
    entry: ModelEntry = {
        "name": planned.cell.model,
        "size": planned.cell.size,
        "weights": planned.cell.weights,
        "revision": planned.weights.revision,
        "identity": planned.weights.identity,
        "params_total": result.parameters["params_total"],
        "params_non_embedding": result.parameters["params_non_embedding"],
    }
    if origin is not None:
        entry["pretraining"] = origin
    return entry


def _beyond_pretraining(longest: int, origin: PretrainingOrigin | None) -> list[str]:
    """One sentence if inputs may be longer than what the weights were pretrained on."""
    if origin is None or longest <= origin["longest_row"]:
        return []
    return [
        f"inputs of up to {longest} tokens, and the weights were pretrained on rows of {origin['longest_row']}: longer inputs "
        "are new to the encoder, and learned position embeddings are random there"
    ]


def _task(planned: Planned, result: Result, origin: PretrainingOrigin | None) -> TaskEntry:
    cell, task, data = planned.cell, planned.task, result.data
    info = task.datasets.get(cell.dataset)
    caveats = info.caveats if info else ()
    recipe = cell.recipe
    beyond = _beyond_pretraining(recipe.max_length, origin)
    untrained = () if recipe.trains else (SCORED_NOTE if planned.fine_tuned else UNTRAINED_NOTE,)
    return {
        "name": task.family,
        "dataset": cell.task,
        "origin": data.origin,
        "fingerprint": data.fingerprint,
        "sources": dict(data.sources),
        "notes": [*caveats, *data.notes, *recipe.doubts(), *beyond, *untrained],
        "caveats": list(caveats),
        "metric": task.metric,
        "options": dict(cell.task_options),
        "n_dev": len(data.splits["dev"]),
        "n_test": len(data.splits["test"]),
        **result.counts,
        "n_skipped": data.n_skipped,
        "overlap": dict(overlap(task, data).items()),
        "constant_guess": constant_guess(task, data.splits["test"]),
    }


def _recipe(planned: Planned, result: Result) -> RecipeEntry:
    recipe = planned.cell.recipe
    if planned.fine_tuned is not None:
        return _earlier_recipe(planned)
    return {
        **recipe.as_record(),
        "protocol": PROTOCOL,
        "effective_batch_size": recipe.batch_size,
        "steps": result.fit.steps,
        "resumed_from_step": result.fit.resumed_from_step,
    }


def _earlier_recipe(planned: Planned) -> RecipeEntry:
    """The recipe of a checkpoint that was only scored: the one that was saved with it, or nothing about its training."""
    recipe, saved = planned.cell.recipe, planned.saved
    scored = {name: getattr(recipe, name) for name in SCORE_FIELDS}
    earlier = cast("Mapping[str, object]", saved["recipe"] if saved else {})
    known = {**earlier, **scored, "protocol": PROTOCOL}
    return cast(RecipeEntry, {**known, "trained": "saved" if saved else "elsewhere"})
