"""The results store: one folder a run, holding ``run.json`` and the predictions. A run is there as a whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.errors import InputError

DEFAULT_STORE = "results/runs"
SCHEMA_VERSION = 1
RECORD = "run.json"
PREDICTIONS = "predictions.jsonl"
_SPACE_NEEDED = 16 * 2**20

_REQUIRED = {
    "run": {"key", "status", "model", "task", "scores"},
    "bench": {"key", "status", "model", "point"},
    "imported": {"key", "status", "protocol", "model", "task", "scores", "source"},
}

Record = dict[str, Any]
"""The content of ``run.json``; ARCHITECTURE.md tells every key."""


class Keyed(Protocol):
    """What a record is kept under: a cell of the comparison, or a point of a bench."""

    @property
    def model(self) -> str:
        """Name of a registered encoder."""

    @property
    def size(self) -> str:
        """Name of its size."""

    @property
    def task(self) -> str:
        """What is done with it."""

    @property
    def key(self) -> str:
        """Digest of everything that decides the outcome."""


class Store:
    """Runs in a folder.

    Args:
        folder: made when the first run is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path_of(self, cell: Keyed) -> Path:
        """The folder of this cell's run: readable names for people, the key for identity."""
        name = f"{cell.model}-{cell.size}_{cell.task}_{cell.key}"
        return self.folder / re.sub(r"[^A-Za-z0-9._-]", "-", name)

    def training_folder(self, cell: Keyed) -> Path:
        """Where this cell's training may leave checkpoints until its run is written."""
        return self.folder / f".training-{self.path_of(cell).name}"

    def find(self, cell: Keyed) -> Record | None:
        """The record of this cell, if it was run and finished."""
        record = read_record(self.path_of(cell) / RECORD)
        return record if record and record["key"] == cell.key and record["status"] == "ok" else None

    def records(self, kind: str = "run") -> Iterator[Record]:
        """All whole records, in the order of their folders' names; anything else is passed over."""
        for file in sorted(self.folder.glob(f"*/{RECORD}")):
            if not file.parent.name.startswith("."):
                record = read_record(file)
                if record and record.get("kind", "run") == kind:
                    yield record

    def check_writable(self) -> None:
        """Find out before hours of work, not after, that the results cannot be kept.

        Raises:
            InputError: the folder cannot be made or written, or its disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".probe-") as probe:
                probe.write(b"x" * 4096)
                probe.flush()
                os.fsync(probe.fileno())
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise InputError(
                f"results cannot be written to {self.folder} ({error.strerror}); choose another folder with --out"
            ) from error
        if free < _SPACE_NEEDED:
            raise InputError(
                f"the disk of {self.folder} has only {free >> 20} MiB left; free some or choose another folder with --out"
            )

    def write(self, cell: Keyed, record: Record, predictions: Iterable[Mapping[str, Any]] | None) -> Path:
        """Keep a run, in place of an earlier one of the same cell.

        The files are written beside the store's runs, flushed to disk and moved into place in one step.

        Raises:
            InputError: the disk is full or not writable; nothing half-written stays.
        """
        target = self.path_of(cell)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(dir=self.folder, prefix=".unfinished-"))
            try:
                if predictions is not None:
                    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
                    _write_durably(unfinished / PREDICTIONS, lines)
                _write_durably(unfinished / RECORD, [json.dumps(record, ensure_ascii=False, indent=1) + "\n"])
                unfinished.chmod(0o755)
                if target.exists():
                    replaced = Path(tempfile.mkdtemp(dir=self.folder, prefix=".replaced-"))
                    target.rename(replaced / target.name)
                    unfinished.rename(target)
                    shutil.rmtree(replaced, ignore_errors=True)
                else:
                    unfinished.rename(target)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        except OSError as error:
            raise InputError(
                f"the run could not be written to {self.folder} ({error.strerror}); choose another folder with --out"
            ) from error
        return target


def read_record(file: Path) -> Record | None:
    """The record in a file, or ``None`` where it is missing, not whole, or of another schema."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
        return None
    required = _REQUIRED.get(str(record.get("kind", "run")))
    return record if required is not None and required <= record.keys() else None


def _write_durably(file: Path, pieces: Iterable[str]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(pieces)
        stream.flush()
        os.fsync(stream.fileno())
