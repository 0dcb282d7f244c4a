"""Run cells and keep what they gave."""

from __future__ import annotations

import logging
import shutil
import traceback
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import distributed
from harness.errors import InputError
from harness.progress import shown, stderr
from harness.request import Request
from harness.store import Record, Store

if TYPE_CHECKING:
    from harness.check import Check


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
        What came of it; ``None`` in a process that only helped to train (see `harness.distributed`).

    Raises:
        InputError: the names, the data, the weights or the store are not usable.
    """
    store = Store(out)
    from harness.plan import plan  # torch, a second or two

    planned = plan(request)
    cell = planned.cell
    distributed.batch_share(cell.recipe.batch_size)
    distributed.join()
    distributed.refuse_different(cell.key)
    stderr.quiet = not distributed.is_first()
    stderr.print(
        f"{cell.model} {cell.size}, weights {cell.weights}, on {cell.task}, seed {cell.seed}, {cell.recipe.precision}, "
        f"lr {cell.recipe.learning_rate:g}"
    )
    if not force and (stored := distributed.from_first(lambda: store.find(cell))):
        stderr.print("the store has this run already, and this is its result (--force runs it anew)")
        return Outcome(stored, store.path_of(cell))
    store.check_writable()
    if planned.weights.kind == "hub":
        stderr.print(f"reading {planned.weights.location} from the hub or its local cache")
    if store.training_folder(cell).exists():
        stderr.print("an earlier attempt was cut off; training goes on from its last checkpoint")
    curves = curves_in / store.path_of(cell).name if curves_in else None
    _quiet_libraries()
    from harness.pipeline import run

    try:
        with shown() as report:
            done = run(
                cell, planned.encoder, planned.weights, planned.task, report, store.training_folder(cell), curves
            )
        distributed.leave()
        if done is None:
            return None
    except InputError:
        raise
    except Exception as error:
        process = f".process-{distributed.rank()}" if distributed.rank() else ""
        log = Path(out) / f"{store.path_of(cell).name}{process}.error.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        stderr.quiet = not distributed.speaks_of_errors()
        stderr.print(
            f"harness: the run failed: {type(error).__name__}: {str(error)[:300]} (details in {log})", markup=False
        )
        return Outcome({"status": "failed"}, log)
    if curves:
        stderr.print(f"curves of training: tensorboard --logdir {curves_in}", markup=False)
    for note in done.record["task"]["notes"]:
        stderr.print(f"note: {note}")
    resolved = request.resolved(cell.task, cell.recipe, dict(cell.task_options))
    if done.record["task"]["origin"] == "embedded":
        resolved = replace(resolved, data_dir=None)
    done.record["command"] = resolved.command()
    folder = store.write(cell, done.record, done.predictions)
    shutil.rmtree(store.training_folder(cell), ignore_errors=True)
    return Outcome(done.record, folder)


def check_one(model: str, weights: str, size: str | None) -> list[Check]:
    """Certify one encoder, see `harness.check`.

    Raises:
        InputError: the names or the weights are not usable.
    """
    from harness.check import check
    from harness.plan import resolve_size
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
