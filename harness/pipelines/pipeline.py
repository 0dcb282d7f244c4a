"""Run one cell and build its record. The task's head decides the kind of run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.cells.cell import PROTOCOL
from harness.cells.planned import Planned
from harness.cells.recipe import Recipe
from harness.cells.request import SCORE_FIELDS, ScoreRequest
from harness.cells.task_options import chosen_options
from harness.engines import Choice
from harness.machine import distributed, provenance
from harness.machine.tracking import Curves
from harness.nn.determinism import make_repeatable
from harness.pipelines.bm25_retrieval import bm25_retrieval
from harness.pipelines.dense_retrieval import dense_retrieval
from harness.pipelines.labelling import label
from harness.pipelines.language_modelling import minimal_pairs, text_loss
from harness.pipelines.mteb import mteb
from harness.pipelines.reranking import rerank
from harness.pipelines.stages import EVALUATED, Parts, Result, Stages, Tested, Trained
from harness.progress import Reporter, silent
from harness.store import PREDICTIONS
from harness.store.pretrained import origin_of
from harness.store.record import (
    TEST_SET,
    ModelEntry,
    PretrainingOrigin,
    RecipeEntry,
    RunRecord,
    TaskEntry,
    TestEntry,
    TrainedEntry,
    run_record,
)
from harness.store.saved_model import SavedModel
from models.ranker import Ranker
from tasks.data import Data
from tasks.sources.overlap import overlap
from tasks.task import Row, Task, constant_guess, lowest

# A head decides which encoder and task classes a cell has, which the type checker cannot know.
KINDS: Mapping[str, Callable[[Any, Any, Stages], Result | None]] = {
    "token": label,
    "span": label,
    "sequence": label,
    "query": label,
    "multi_label": label,
    "regression": label,
    "pair": rerank,
    "embedding": dense_retrieval,
    "mteb": mteb,
    "masked_lm": text_loss,
    "pseudo_likelihood": minimal_pairs,
}
"""The function that runs the tasks of each head."""

UNTRAINED_NOTE = "nothing was trained: the given weights were scored"
PROBE_NOTE = "a linear probe: the encoder was frozen and the head alone trained, so this is not comparable with fine-tuned scores"
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
    provenance.reset_peak_memory()
    kind = bm25_retrieval if isinstance(planned.encoder, Ranker) else KINDS[planned.task.head]
    stage = Stages(report)
    scored = planned.request if isinstance(planned.request, ScoreRequest) else None
    parts: Parts[Any, Any] = Parts(
        planned.encoder,
        planned.weights,
        planned.task,
        checkpoints,
        curves,
        tests=planned.tests,
        fine_tuned=planned.fine_tuned,
        given_labels=scored.labels if scored else {},
        keep_model=keep_model,
        choice=Choice(scored.engine, scored.quantize) if scored else Choice(),
    )
    result = kind(planned.cell, parts, stage)
    if result is None:
        return None
    rows = result.rows + [row for tested in result.tests for row in _rows(tested)]
    return Run(_record(planned, result, stage.seconds), rows, result.trained)


def _rows(tested: Tested) -> list[Row]:
    """The predictions on a test set."""
    rows = tested.test.task.rows(tested.data.splits["test"], tested.predictions)
    return [{TEST_SET: tested.test.name, "split": "test", **row} for row in rows]


def _record(planned: Planned, result: Result, seconds: Mapping[str, float]) -> RunRecord:
    origin = origin_of(Path(planned.weights.location)) if planned.weights.kind == "folder" else None
    record = run_record(
        key=planned.cell.key,
        model=_model(planned, result, origin),
        task=_task(planned, planned.cell.task, planned.task, result, origin),
        recipe=_recipe(planned, result),
        seed=planned.saved["seed"] if planned.saved else planned.cell.seed,
        tuned=result.tuned,
        scores=result.scores,
        losses=result.fit.losses,
        seconds=seconds,
        peak_memory_mib=provenance.peak_memory_mib(),
        environment={**provenance.environment(), "processes": distributed.processes()},
        predictions=PREDICTIONS,
        tests=[_test(planned, tested, origin) for tested in result.tests],
    )
    if planned.fine_tuned is not None:
        record["trained"] = _trained(planned.saved)
        if isinstance(planned.request, ScoreRequest) and planned.request.deployment:
            record["trained"]["deployment"] = planned.request.deployment
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


def _test(planned: Planned, tested: Tested, origin: PretrainingOrigin | None) -> TestEntry:
    test, data = tested.test, tested.data
    return {
        "task": _task(planned, test.name, test.task, tested, origin),
        "scores": test.task.score(data.splits["test"], tested.predictions),
    }


def _model(planned: Planned, result: Result, origin: PretrainingOrigin | None) -> ModelEntry:
    entry: ModelEntry = {
        **planned.model,
        "revision": planned.weights.revision,
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


def _trial(recipe: Recipe, name: str, data: Data) -> list[str]:
    """One sentence if only a part of dev and test was to be scored."""
    if recipe.test_limit is None:
        return []
    n_dev, n_test = (len(data.splits[split]) for split in EVALUATED)
    if not data.n_unscored:
        return [
            f"--test-limit left out none of the {n_dev} dev and {n_test} test examples of {name}, but reports keep runs with it "
            "apart: run it without for a result"
        ]
    return [
        f"this is a trial of {name} on a sample of {n_dev} dev and {n_test} test examples (--test-limit), not comparable with "
        "scores of the whole test set"
    ]


def _task(
    planned: Planned, name: str, task: Task, result: Result | Tested, origin: PretrainingOrigin | None
) -> TaskEntry:
    """The entry of the dataset of training, or of a test set."""
    data, recipe = result.data, planned.cell.recipe
    outputs = result.outputs if isinstance(result, Tested) else data.labels
    info = task.datasets.get(name.partition("/")[2])
    caveats = (
        *(info.caveats if info else ()),
        *(result.caveats if isinstance(result, Tested) else ()),
        *([PROBE_NOTE] if recipe.train == "head" else []),
        *_trial(recipe, name, data),
    )
    beyond = _beyond_pretraining(recipe.max_length, origin)
    untrained = () if recipe.trains else (SCORED_NOTE if planned.fine_tuned else UNTRAINED_NOTE,)
    entry: TaskEntry = {
        "name": task.family,
        "dataset": name,
        "origin": data.origin,
        "fingerprint": data.fingerprint,
        "sources": dict(data.sources),
        "notes": [*caveats, *data.notes, *recipe.doubts(), *beyond, *untrained],
        "caveats": list(caveats),
        "metric": task.metric,
        "options": dict(planned.cell.task_options if name == planned.cell.task else chosen_options(task)),
        "n_dev": len(data.splits["dev"]),
        "n_test": len(data.splits["test"]),
        **result.counts,
        "n_skipped": data.n_skipped,
        "overlap": dict(overlap(task, data).items()),
        "constant_guess": constant_guess(task, data.splits["test"], outputs),
        "lowest": lowest(task),
    }
    if not entry["lowest"]:
        del entry["lowest"]
    return entry


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
