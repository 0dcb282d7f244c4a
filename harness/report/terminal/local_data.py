"""``harness list data --data-dir DIR``: what a folder of datasets holds, as far as every family can read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from harness.errors import InputError
from tasks import TASKS, Task
from tasks.data import SPLITS
from tasks.family import Family, Source
from tasks.sources.formats.locate import local_datasets


def rows(data_dir: str) -> list[dict[str, Any]]:
    """One row for each dataset of each family, with its splits or with what is wrong with it.

    Raises:
        InputError: the folder cannot be read.
    """
    return [_row(names, data_dir) for _, names in sorted(_found(data_dir).items())]


def other_folders(data_dir: str) -> list[str]:
    """The names of folders that belong to no family."""
    root, datasets = Path(data_dir), _found(data_dir)
    read = {*_own_folders(), *(path.name for path in datasets if path.parent == root)}
    return sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in read)


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
        remarks = [f"also read as {name}" for name in row["also"]]
        remarks += [*([f"cannot be used: {row['problem']}"] if row["problem"] else []), *row["notes"]]
        table.add_row(row["dataset"], row["format"], *counts, "; ".join(remarks))
    yield table
    if others := other_folders(data_dir):
        yield f"no family reads these folders: {', '.join(others)} (a dataset is DIR/FAMILY/NAME; `list tasks` names the families)"


def _folders(task: Task, family: str) -> tuple[str, ...]:
    return getattr(task, "folders", ()) or (family,)


def _own_folders() -> set[str]:
    """The names of folders that belong to a family."""
    return {name for family in TASKS for name in _folders(TASKS[family], family)}


def _found(data_dir: str) -> dict[Path, list[str]]:
    """The datasets FAMILY/NAME that are read from each place, first the one of the family that the folder is named after.

    Raises:
        InputError: a folder cannot be read.
    """
    root, own = Path(data_dir), _own_folders()
    found: dict[Path, list[str]] = defaultdict(list)
    try:
        list(root.iterdir())  # a folder that cannot be read is not one without datasets
        for family in TASKS:
            task = TASKS[family]
            there = task.in_folder(root) if isinstance(task, Family) else local_datasets(root, (family,))
            for name, path in there.items():
                if path.parent != root or path.name not in own:
                    found[path].append(f"{family}/{name}")
    except OSError as error:
        raise InputError(f"the data folder {data_dir} cannot be read ({error.strerror}); check --data-dir") from error
    return {
        path: sorted(names, key=lambda one: one.partition("/")[0] != path.parent.name) for path, names in found.items()
    }


def _row(names: list[str], data_dir: str) -> dict[str, Any]:
    dataset, *others = names
    family, _, name = dataset.partition("/")
    task = TASKS[family]
    row: dict[str, Any] = {
        "dataset": dataset,
        "also": others,
        "format": getattr(task, "file_format", "") or "-",
        "sizes": None,
        "labels": [],
        "fingerprint": None,
        "notes": [],
        "problem": None,
    }
    try:
        if isinstance(task, Family):
            row["format"] = _format(task.source(name, data_dir), task)
        data = task.load(name, data_dir)
    except InputError as error:
        row["problem"] = str(error)
        return row
    row["sizes"] = {split: len(data.splits[split]) for split in SPLITS}
    return row | {"labels": list(data.labels), "fingerprint": data.fingerprint, "notes": list(data.notes)}


def _format(source: Source, task: Family[Any]) -> str:
    """The format of the files of tables, else the family's own format."""
    return getattr(source, "format", task.file_format.partition(" or tables")[0])
