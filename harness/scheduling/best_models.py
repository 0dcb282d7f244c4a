"""Keep the model of each encoder on each dataset that is best on dev, also where its run was stored without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from harness.cells.planned import Planned
from harness.scheduling.executor import Executor, Failure, Job
from harness.scheduling.sweep import Sweep, name_of
from harness.store.record import RunRecord
from harness.store.saved_model import SAVED_HEADS, best_folder, check_folder, dev_of, is_better, read_saved
from models.ranker import Ranker


def keep_best_models(sweep: Sweep, executor: Executor, root: Path, say: Callable[[str], None]) -> None:
    """Run the best cells of a finished sweep again whose models were not kept when they ran.

    Cells that the sweep ran itself have kept theirs, if they were the best so far.

    Args:
        sweep: finished.
        executor: runs cells with ``--save-best``, which keeps their models.
        root: the folder of ``--save-best``.
        say: prints a line about each.
    """
    lacking = _best_without_model(sweep, root)
    for planned in lacking:
        say(f"{name_of(planned)}: the best on dev, and its model was not kept, so it is run again")
    names = {planned.cell.key: name_of(planned) for planned in lacking}
    with closing(executor.run(Job(planned.cell.key, planned.resolved) for planned in lacking)) as ends:
        for finished in ends:
            if isinstance(finished.outcome, Failure) or finished.outcome["status"] != "ok":
                error = finished.outcome.error if isinstance(finished.outcome, Failure) else finished.outcome["error"]
                say(f"{names[finished.key]}: its model could not be kept: {error}")


def _best_without_model(sweep: Sweep, root: Path) -> list[Planned]:
    """The best cell of each folder, if the folder holds a worse model or none."""
    planned = {each.cell.key: each for each in sweep.cells if _has_model(each)}
    best: dict[Path, RunRecord] = {}
    for record in sweep.records():
        if record["key"] in planned and dev_of(record) is not None:
            found = planned[record["key"]]
            folder = best_folder(root, found.cell, found.own_name)
            if folder not in best or _dev(record) > _dev(best[folder]):
                best[folder] = record
    return [
        planned[record["key"]]
        for folder, record in best.items()
        if is_better(dev_of(record), record["task"]["fingerprint"], folder)
    ]


def _has_model(planned: Planned) -> bool:
    return planned.task.head in SAVED_HEADS and not isinstance(planned.encoder, Ranker)


def _dev(record: RunRecord) -> float:
    dev = dev_of(record)
    return -1.0 if dev is None else dev


def check_folders(cells: Sequence[Planned], root: Path) -> None:
    """See before a sweep that the folders of its best models can be written.

    Raises:
        InputError: one holds something else than a saved model.
    """
    for folder in {best_folder(root, planned.cell, planned.own_name) for planned in cells if _has_model(planned)}:
        there = read_saved(folder)
        check_folder(folder, there["key"] if there else "", force=False)
