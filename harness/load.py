"""The Python functions that read a store: its records as tables, and the predictions of a run."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.progress import tell_problem
from harness.python_values import as_path, one_of
from harness.store import DEFAULT_STORE, RECORD, Store, read_record
from harness.store.record import RunRecord, by_test_set, is_finished_run
from harness.values import no_folder, shortened

if TYPE_CHECKING:
    import pandas as pd

    from harness.store.frame import Kind

Folder = str | os.PathLike[str]


def load_results(folder: Folder = DEFAULT_STORE, *, kind: Kind = "run") -> pd.DataFrame:
    """The records of a store as a tidy table.

    Args:
        folder: of the store.
        kind: ``run`` for finished runs, a row per run and split with metrics as columns; ``failure`` for cells that
            ended without a score; ``bench`` for points of a bench; ``imported`` for scores of other tools;
            ``pretraining`` for pretrained encoders.

    Returns:
        The columns are described under Tables below. A store without such records gives a table without
        rows. Files that are not complete records are named on stderr and left out.

    Raises:
        InputError: the folder or kind does not exist.
    """
    from harness.store import frame

    one_of("kind", kind, tuple(frame.FRAMES))
    store = Store(as_path(folder, "folder"))
    if not store.folder.is_dir():
        raise InputError(f"{no_folder(store.folder)}; give the store that runs were written to")
    return frame.of_kind(kind, store, tell_problem)


def load_predictions(
    run: RunRecord | pd.Series | Folder, *, test: str | None = None, out: Folder = DEFAULT_STORE
) -> pd.DataFrame:
    """The predictions of a run.

    Args:
        run: its record, a row of `load_results`, its key, or its folder.
        test: the test set of the run whose predictions are read; ``None`` for the dataset of its training.
        out: folder of the store that holds it, if ``run`` is not a folder.

    Returns:
        A row per example of dev and test: ``split``, ``id``, ``gold``, ``predicted``, its texts, and
        ``terms``, the numerator and denominator of the example's share of the main metric.

    Raises:
        InputError: there is no such run, or its predictions are missing or were changed.
    """
    from harness.store import frame

    folder = _run_folder(run, Path(as_path(out, "out")))
    record = read_record(folder / RECORD)
    if not is_finished_run(record):
        raise InputError(f"{folder} holds no finished run that this version reads; run it again")
    scored = {one["task"]["dataset"]: one for one in by_test_set(record)}
    if test is not None and test not in scored:
        raise InputError(f"the run in {folder} was not tested on {test}; it has scores on {', '.join(scored)}")
    wanted = record if test is None else scored[test]
    return frame.predictions(Store(folder.resolve().parent).predictions(wanted))


def _run_folder(run: object, store: Path) -> Path:
    """The folder of a run.

    Raises:
        InputError: there is no such run.
    """
    if isinstance(run, str | os.PathLike):
        if (Path(run) / RECORD).is_file():
            return Path(run)
        key = os.fspath(run)
    else:
        get = getattr(run, "get", None)  # a record, or a row of a DataFrame
        key = get("key") if callable(get) else None
    found = sorted(store.glob(f"*_{glob.escape(key)}/{RECORD}")) if isinstance(key, str) and "/" not in key else []
    if not found:
        raise InputError(
            f"{store} has no run {shortened(repr(key or run))}; give a record, the key or the folder of a run, and out= if the "
            "store is another one"
        )
    return found[0].parent
