"""``harness list data --data-dir DIR``: what a folder of datasets holds, as far as every family can read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from harness.errors import InputError
from tasks import TASKS, Task
from tasks.data import SPLITS
from tasks.family import Family, Source


def rows(data_dir: str) -> list[dict[str, Any]]:
    """One row for each dataset of each family, with its splits or with what is wrong with it.

    Raises:
        InputError: the folder cannot be read.
    """
    root = Path(data_dir)
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"the data folder {data_dir} cannot be read ({error.strerror}); check --data-dir") from error
    families = {name: family for family in TASKS for name in _folders(TASKS[family], family)}
    return [
        _row(TASKS[families[folder.name]], path, data_dir)
        for folder in folders
        if folder.name in families
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    ]


def other_folders(data_dir: str) -> list[str]:
    """The names of folders that belong to no family."""
    known = {name for family in TASKS for name in _folders(TASKS[family], family)}
    return sorted(path.name for path in Path(data_dir).iterdir() if path.is_dir() and path.name not in known)


def as_tables(data_dir: str) -> Iterator[Table | str]:
    """The rows as a table.

    Raises:
        InputError: the folder cannot be read.
    """
    table = Table("dataset", "format", title=data_dir)
    for split in SPLITS:
        table.add_column(split, justify="right")
    table.add_column("remarks")
    for row in rows(data_dir):
        counts = [f"{row['sizes'][split]:,}" if row["sizes"] else "-" for split in SPLITS]
        remarks = [*([f"cannot be used: {row['problem']}"] if row["problem"] else []), *row["notes"]]
        table.add_row(row["dataset"], row["format"], *counts, "; ".join(remarks))
    yield table
    if others := other_folders(data_dir):
        yield f"no family reads these folders: {', '.join(others)} (a dataset is DIR/FAMILY/NAME; `list tasks` names the families)"


def _folders(task: Task, family: str) -> tuple[str, ...]:
    return getattr(task, "folders", ()) or (family,)


def _row(task: Task, path: Path, data_dir: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "dataset": f"{task.family}/{path.name}",
        "format": getattr(task, "file_format", "") or "-",
        "sizes": None,
        "labels": [],
        "fingerprint": None,
        "notes": [],
        "problem": None,
    }
    try:
        if isinstance(task, Family):
            row["format"] = _format(task.source(path.name, data_dir), task)
        data = task.load(path.name, data_dir)
    except InputError as error:
        row["problem"] = str(error)
        return row
    row["sizes"] = {split: len(data.splits[split]) for split in SPLITS}
    return row | {"labels": list(data.labels), "fingerprint": data.fingerprint, "notes": list(data.notes)}


def _format(source: Source, task: Family[Any]) -> str:
    """The format of the files of tables, else the family's own format."""
    return getattr(source, "format", task.file_format.partition(" or tables")[0])
