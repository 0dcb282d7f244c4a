"""Local copies of hub datasets, for machines without network. A copy is complete or missing, and records its origin."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.errors import InputError
from harness.json_file import read_json
from harness.registry import suggestion
from tasks.data import Data
from tasks.sources.folders import new_beside
from tasks.sources.hub.repository import PREFIX, Address
from tasks.task import Task, measured

SOURCE = "source.json"
"""Beside the files of a copy: hub id, revision, licence, notes, the fingerprint, and the sha256 of each file."""


@runtime_checkable
class Portable(Protocol):
    """A task that can write a dataset in the format that it reads from local folders."""

    def write(self, data: Data, folder: Path) -> None:
        """Write all splits into an empty folder."""
        ...


@dataclass(frozen=True)
class Copied:
    """A copy that was made, or that is not needed, with a sentence about it."""

    folder: Path | None
    message: str


def copy_from_hub(task: Task, dataset: str, data_dir: Path, force: bool = False) -> Copied:
    """Fill ``data_dir/FAMILY/DATASET`` with the hub's rows at the declared revision.

    Args:
        task: whose dataset it is.
        dataset: one that the task declares.
        data_dir: created if it is missing.
        force: replace the folder if there is one.

    Raises:
        InputError: there is no such dataset, the folder already exists, the hub cannot be read, or the disk cannot be written.
    """
    name = f"{task.family}/{dataset}"
    info = task.datasets.get(dataset)
    if dataset.startswith(PREFIX):
        hub_id = Address.parse(dataset).hub_id
        raise InputError(
            f"fetch copies declared datasets; run `hf download {hub_id} --repo-type dataset` and copy the HF_HOME cache instead"
        )
    if info is None:
        raise InputError(f"there is no dataset {name}{suggestion(dataset, task.datasets)}")
    task = measured(task, dataset)
    if info.source == "embedded":
        return Copied(None, f"{name} is built from installed packages: nothing needs fetching")
    if not isinstance(task, Portable):
        raise InputError(f"{name} cannot be copied, because {task.family} reads no local folders; nothing was fetched")
    folder = data_dir / task.family / dataset
    if folder.exists() and not force:
        raise InputError(f"{folder} already exists; --force replaces it")
    data = task.load(dataset, None)
    try:
        whole = new_beside(folder)
        try:
            task.write(data, whole)
            source = {
                "hub_id": info.hub_id,
                "revision": data.origin.rpartition("@")[2],
                "licence": info.licence,
                "fingerprint": data.fingerprint,
                "notes": list(data.notes),
                "sha256": {str(file.relative_to(whole)): _sha256(file) for file in _files(whole)},
            }
            (whole / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            whole.rename(folder)
        finally:
            shutil.rmtree(whole, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); check --data-dir") from error
    return Copied(folder, f"{name}: {data.origin} is in {folder}{_difference(task, dataset, data_dir, data)}")


def copied_notes(folder: Path) -> list[str]:
    """The origin of a local copy and the notes on its data; empty for a dataset that is not a copy."""
    try:
        source = read_json(folder / SOURCE)
        return [f"copied from {source['hub_id']}@{source['revision']}", *map(str, source["notes"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _difference(task: Task, dataset: str, data_dir: Path, data: Data) -> str:
    """A remark if the local copy is not read as the same examples as the hub's rows, else an empty text."""
    copy = task.load(dataset, str(data_dir), skip_bad=True)
    if copy.fingerprint == data.fingerprint:
        return ""
    read, there = (sum(map(len, one.splits.values())) for one in (copy, data))
    return f"; it gives {read} examples, which are not exactly the {there} of the hub, so their scores are reported separately"


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
