"""Imported scores and their records, whose separate kind keeps them out of tables of runs (see ARCHITECTURE.md)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.json_file import JsonError, read_json
from harness.store import Store
from harness.store.record import ImportedRecord, imported_record

SPLIT_NAMES = {"test": "test", "validation": "dev", "dev": "dev"}
"""Name of a split in the source -> its name here; other names do not change."""


@dataclass(frozen=True)
class Imported:
    """The scores of one model on one dataset by another protocol than ours.

    Attributes:
        protocol: ``mteb`` or ``encodeval``.
        model: as in the source, or as the user named it.
        model_revision: if the source has it.
        kind: the source's kind of task.
        dataset: its name in the source.
        dataset_revision, subset, languages: if the source has them.
        metric: the main one.
        scores: split -> metric -> number.
        hyperparameters: of the training, from the source's path.
        version: of the tool that wrote the source.
        notes: caveats for readers of the score.
    """

    protocol: str
    model: str
    kind: str
    dataset: str
    metric: str
    scores: Mapping[str, Mapping[str, float]]
    model_revision: str | None = None
    dataset_revision: str | None = None
    subset: str | None = None
    languages: tuple[str, ...] = ()
    hyperparameters: str | None = None
    version: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """The value in place of a run's model size."""
        return "imported"

    @property
    def task(self) -> str:
        """The dataset, by protocol and subset."""
        return "/".join([self.protocol, self.dataset, *([self.subset] if self.subset else [])])

    @property
    def key(self) -> str:
        """sha256 (first 16 hex digits) of the scores and their origin: importing a file again gives the same record."""
        decides = [self.task, self.model, self.model_revision, self.dataset_revision, self.hyperparameters, self.scores]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]

    def record(self, source: Path, digest: str) -> ImportedRecord:
        """The record, with the source file's name and the sha256 of its bytes."""
        return imported_record(
            key=self.key,
            protocol=self.protocol,
            model={"name": self.model, "size": self.size, "weights": self.model, "revision": self.model_revision},
            task={
                "name": self.kind,
                "dataset": f"{self.protocol}/{self.dataset}",
                "subset": self.subset,
                "languages": list(self.languages),
                "metric": self.metric,
                "revision": self.dataset_revision,
            },
            scores=self.scores,
            hyperparameters=self.hyperparameters,
            source={"file": source.name, "sha256": digest, "version": self.version, "notes": list(self.notes)},
        )


def keep(store: Store, found: Iterable[tuple[Path, Imported]]) -> list[ImportedRecord]:
    """Write one record per score into the store; returns the records.

    Raises:
        InputError: the store cannot be written.
    """
    records = []
    for source, imported in found:
        record = imported.record(source, hashlib.sha256(source.read_bytes()).hexdigest())
        store.write(imported, record, None)
        records.append(record)
    return records


def json_of(file: Path, what: str) -> object:
    """The JSON in a file.

    Args:
        file: to read.
        what: a description of the expected content, for messages.

    Raises:
        InputError: it cannot be read or is not JSON.
    """
    try:
        return read_json(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{file} {error}; so it is not a {what}") from error


def files_in(paths: Sequence[str], pattern: str, leave_out: Sequence[str] = ()) -> list[Path]:
    """The named files, and the matching files below the named folders.

    Raises:
        InputError: a path does not exist, or a folder holds none.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            there = sorted(file for file in path.rglob(pattern) if file.name not in leave_out)
            if not there:
                raise InputError(f"the folder {path} holds no {pattern}")
            files += there
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"there is no file or folder {path}")
    return files


def numbers(values: Mapping[str, object]) -> dict[str, float]:
    """The values that are finite numbers."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
