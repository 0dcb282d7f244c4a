"""What identifies a record, and the name of its folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from harness.store.record import (
    FailureRecord,
    PretrainingRecord,
    RunRecord,
    architecture_of,
    is_finished_run,
)

_LONGEST_NAME = 180


class Keyed(Protocol):
    """Anything that a record can be stored for: a cell, or a point of a bench."""

    @property
    def model(self) -> str:
        """Name of a registered encoder."""

    @property
    def size(self) -> str:
        """Name of its size."""

    @property
    def task(self) -> str:
        """Name of the task or the kind of measurement."""

    @property
    def key(self) -> str:
        """Digest of everything that decides the outcome."""


@dataclass(frozen=True)
class Key:
    """The same for a record without its cell or point, see `Keyed`."""

    model: str
    size: str
    task: str
    key: str

    @classmethod
    def of(cls, record: RunRecord | FailureRecord | PretrainingRecord) -> Key:
        """The key of a record."""
        model, dataset = record["model"], record["task"]["dataset"]
        if is_finished_run(record) and "trained_on" in record:
            dataset = record["trained_on"]["dataset"]
        return cls(architecture_of(model), model["size"], dataset, record["key"])


def folder_name(cell: Keyed) -> str:
    """The name of a record's folder: readable names for people, the key for identity."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", f"{cell.model}-{cell.size}_{cell.task}")
    # A leading dot would hide the run, and file systems limit the length of names.
    return f"{re.sub('^[.]', '-', readable)[:_LONGEST_NAME]}_{re.sub(r'[^A-Za-z0-9._-]', '-', cell.key)}"
