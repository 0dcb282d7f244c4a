"""A sweep from its grids to its last model: the steps that the command and the Python function share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.cells.grids import Grid
from harness.scheduling.best_models import check_folders, keep_best_models
from harness.scheduling.executor import Executor
from harness.scheduling.sweep import Say, Sweep, ready, rename_stored
from harness.store import Store


def plan_sweep(grids: Sequence[Grid], store: Store, *, retry_failed: bool, best_in: Path | None, say: Say) -> Sweep:
    """The cells of grids, checked; nothing is run or written.

    Args:
        grids: what to run.
        store: holds finished cells and receives new ones.
        retry_failed: run earlier failures again.
        best_in: folder of the best models, if they are kept.
        say: prints one line about each combination that is left out, each doubt about a recipe, and later each cell.

    Raises:
        InputError: see `ready`; or a folder of a best model holds something else.
    """
    sweep = ready(grids, store, retry_failed, say)
    if best_in is not None:
        check_folders(sweep.cells, best_in)
    return sweep


def run_sweep(sweep: Sweep, executor: Executor, workers: int | None, best_in: Path | None) -> None:
    """Run the cells that remain, and keep the best models.

    Args:
        sweep: see `plan_sweep`.
        executor: runs cells into the sweep's store; started with ``--save-best`` if best models are kept.
        workers: how many cells it runs at a time; ``None`` if only the executor knows.
        best_in: folder of the best models, if they are kept.

    Raises:
        InputError: the store cannot be written any more, or the executor cannot work.
        StoppedError: the user stopped the sweep.
    """
    rename_stored(sweep.cells, sweep.store, sweep.say)
    if sweep.to_run:
        sweep.run_and_show(executor, workers)
    if best_in is not None:
        keep_best_models(sweep, executor, best_in, sweep.say)


def failures_told(sweep: Sweep, again: str) -> str:
    """How many cells of a sweep failed, where their messages are, and that ``again`` runs them again; empty if none failed."""
    failures = sweep.failures()
    if not failures:
        return ""
    return (
        f"{len(failures)} of {len(sweep.cells)} cells failed; their messages are in error.log of their folders in "
        f"{sweep.store.folder}, and {again} runs them again"
    )
