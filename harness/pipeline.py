"""One cell, top to bottom: load, encode, fit, predict, score. The same steps for every encoder and task."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness import distributed, provenance
from harness.config import Cell
from harness.heads import with_head
from harness.inference import predict
from harness.progress import Reporter, silent
from harness.store import PREDICTIONS, SCHEMA_VERSION, Record
from harness.training import fit
from models import loading
from models.encoder import Encoder, refuse_longer
from tasks.task import Encoded, LongerThanTrained, Split, Task, TunedOnDev

EVALUATED: tuple[Split, ...] = ("dev", "test")


@dataclass(frozen=True)
class Run:
    """What a cell gave: the record, and one row an example of dev and test."""

    record: Record
    predictions: list[dict[str, Any]]


def run(
    cell: Cell,
    encoder: Encoder,
    weights: loading.Weights,
    task: Task,
    report: Reporter = silent,
    checkpoints: Path | None = None,
    curves: Path | None = None,
) -> Run | None:
    """Fine-tune an encoder on a dataset and score it on dev and test.

    Args:
        cell: what to run; everything in it is resolved.
        encoder: the cell's encoder.
        weights: the cell's weights.
        task: the cell's task.
        report: shows the stages.
        checkpoints: folder for the checkpoints of training, see `harness.training.fit`.
        curves: folder for TensorBoard's curves of training.

    Returns:
        What the cell gave; ``None`` in a process that only helped to train (see `harness.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: training ended in a loss that is no number.
    """
    recipe, seconds = cell.recipe, dict[str, float]()
    make_repeatable(cell.seed)
    with _timed(seconds, "load"):
        data = task.load(cell.task.partition("/")[2], cell.data_dir, cell.skip_bad)
        encoder_model, tokenizer = loading.load(encoder, cell.size, weights)
        limit = loading.max_length(encoder_model, encoder, cell.size)
        refuse_longer(cell.model, recipe.max_length, limit)
        longest = task.longest_input(limit) if isinstance(task, LongerThanTrained) else recipe.max_length
        model = with_head(task.head, encoder_model, len(data.labels)).to(_device())
    with _timed(seconds, "encode"):
        train = sample(data.splits["train"], recipe.train_limit)
        trained_on = task.encode(train, data.labels, tokenizer, recipe.max_length, training=True)
        encoded: dict[Split, Encoded] = {
            split: task.encode(data.splits[split], data.labels, tokenizer, longest) for split in EVALUATED
        }
    with _timed(seconds, "fit"):
        show = report("fit")
        done = fit(
            model, trained_on.features, tokenizer, recipe, cell.seed,
            lambda step, steps, loss: show(step, steps, "" if loss is None else f"loss {loss:.3f}"), checkpoints,
            curves=curves,
        )  # fmt: skip
    if not distributed.is_first():
        return None
    predictions: dict[Split, list[Any]] = {}
    with _timed(seconds, "predict"):
        for split in EVALUATED:
            logits = predict(model, encoded[split].features, tokenizer, recipe.precision, progress=report(split))
            predictions[split] = task.decode(data.splits[split], data.labels, encoded[split], logits)
    with _timed(seconds, "score"):
        tuned: dict[str, float] = {}
        if isinstance(task, TunedOnDev):
            tuned = task.tune(data.splits["dev"], predictions["dev"])
            predictions = {split: task.apply(predictions[split], tuned) for split in EVALUATED}
        scores = {split: task.score(data.splits[split], predictions[split]) for split in EVALUATED}
    record: Record = {
        "schema_version": SCHEMA_VERSION,
        "key": cell.key,
        "status": "ok",
        "error": None,
        "model": {
            "name": cell.model,
            "size": cell.size,
            "weights": cell.weights,
            "revision": weights.revision,
            "identity": weights.identity,
            **count_parameters(encoder_model),
        },
        "task": {
            "name": task.family,
            "dataset": cell.task,
            "origin": data.origin,
            "fingerprint": data.fingerprint,
            "sources": dict(data.sources),
            "notes": list(data.notes),
            "metric": task.metric,
            "options": dict(cell.task_options),
            "n_train": len(train),
            "n_dev": len(data.splits["dev"]),
            "n_test": len(data.splits["test"]),
            "n_windowed": encoded["test"].n_windowed,
            "n_truncated": encoded["test"].n_truncated,
            "n_skipped": data.n_skipped,
        },
        "recipe": asdict(recipe)
        | {"effective_batch_size": recipe.batch_size, "steps": done.steps, "resumed_from_step": done.resumed_from_step},
        "seed": cell.seed,
        "tuned": tuned,
        "scores": scores,
        "losses": done.losses,
        "seconds": seconds,
        "peak_memory_mib": provenance.peak_memory_mib(),
        "environment": provenance.environment() | {"processes": distributed.processes()},
        "predictions": PREDICTIONS,
    }
    rows = [{"split": split, **row} for split in EVALUATED for row in task.rows(data.splits[split], predictions[split])]
    return Run(record, rows)


def make_repeatable(seed: int) -> None:
    """Seed every generator and ask torch for deterministic algorithms, so that a machine repeats a run bit for bit."""
    from transformers import set_seed

    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory costs time, and nothing here reads it before it is written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def sample(examples: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """A fixed random sample of at most ``limit`` examples in their order: equal for all models, seeds and recipes."""
    if limit is None or limit >= len(examples):
        return examples
    chosen = np.random.default_rng(0).choice(len(examples), size=limit, replace=False)
    return [examples[index] for index in sorted(chosen)]


def count_parameters(model: torch.nn.Module) -> dict[str, int]:
    """All parameters of the encoder, and those outside of embedding tables."""
    total = sum(parameter.numel() for parameter in model.parameters())
    tables = {
        id(module.weight): module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }
    return {"params_total": total, "params_non_embedding": total - sum(tables.values())}


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - began
