"""The results store: one folder per run, with ``run.json`` and the predictions. A run is stored completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, overload

from harness.errors import InputError
from harness.json_file import parse_json
from harness.store.keys import Key, Keyed, folder_name
from harness.store.record import (
    TEST_SET,
    FailureRecord,
    ImportedRecord,
    PointRecord,
    PretrainingRecord,
    Record,
    RunRecord,
    architecture_of,
    is_cell,
    is_finished_run,
)
from harness.store.record_file import (
    RECORD,
    DamagedError,
    encoded,
    is_finished,
    read_replaceable,
    read_sealed,
    sealed,
    sha256,
)

DEFAULT_STORE = "results/runs"
PREDICTIONS = "predictions.jsonl"
PredictionRow = Mapping[str, Any]
"""One line of `PREDICTIONS`: the split, the id of the example, and whatever else its task writes."""
ERROR_LOG = "error.log"
_SPACE_NEEDED = 16 * 2**20
CHECKPOINT_AGE_DAYS = 30
"""Checkpoints of a run that was not continued for this long are removed; the run then starts from its first step."""
_NEW = ".new"


class Store:
    """Runs in a folder.

    Args:
        folder: created when the first run is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path_of(self, cell: Keyed) -> Path:
        """The folder of this cell's run, see `harness.store.keys.folder_name`."""
        return self.folder / folder_name(cell)

    def folder_of(self, record: RunRecord | FailureRecord) -> Path:
        """The folder of a run's record."""
        return self.path_of(Key.of(record))

    def training_folder(self, cell: Keyed) -> Path:
        """The folder for checkpoints of this cell's training, until its run is written."""
        return self.folder / f".training-{self.path_of(cell).name}"

    def lock(self, cell: Keyed, wait: bool = True) -> AbstractContextManager[bool]:
        """Lock this cell while a block runs, so that no other process runs it too; see `harness.store.lock.held`.

        The store's folder must exist.
        """
        from harness.store.lock import held

        return held(self._lock_file(self.path_of(cell).name), wait)

    def is_being_run(self, cell: Keyed) -> bool:
        """Whether another process holds this cell."""
        if not self._lock_file(self.path_of(cell).name).exists():
            return False
        with self.lock(cell, wait=False) as free:
            return not free

    def find(self, cell: Keyed) -> RunRecord | None:
        """The record of this cell, if it was run and finished.

        Raises:
            InputError: see `read`.
        """
        record = self.read(cell)
        return record if is_finished_run(record) else None

    def read(self, cell: Keyed) -> RunRecord | FailureRecord | None:
        """The record of this cell, whether it finished or failed.

        Raises:
            InputError: a newer harness wrote it; running the cell would replace a result that this one cannot read.
        """
        record = read_replaceable(self.path_of(cell) / RECORD)
        return record if is_cell(record) and record["key"] == cell.key else None

    def has(self, cell: Keyed) -> bool:
        """Whether the cell was run and finished: like `find`, but fast enough for twenty thousand cells.

        Raises:
            InputError: see `read`.
        """
        return is_finished(self.path_of(cell) / RECORD)

    def files(self) -> Iterator[Path]:
        """The file of every record, complete or not, ordered by the names of their folders."""
        files = sorted(self.folder.glob(f"*/{RECORD}"))
        return (file for file in files if not file.parent.name.startswith("."))

    def state(self) -> str:
        """A digest that changes when a record appears, changes or disappears."""
        found = [(file.parent.name, stat.st_mtime_ns, stat.st_size) for file in self.files() for stat in [file.stat()]]
        return sha256([repr(found).encode()])

    @overload
    def records(self, kind: Literal["run"] = "run", on_problem: Callable[[str], None] = ...) -> Iterator[RunRecord]: ...

    @overload
    def records(self, kind: Literal["failure"], on_problem: Callable[[str], None] = ...) -> Iterator[FailureRecord]: ...

    @overload
    def records(self, kind: Literal["bench"], on_problem: Callable[[str], None] = ...) -> Iterator[PointRecord]: ...

    @overload
    def records(
        self, kind: Literal["imported"], on_problem: Callable[[str], None] = ...
    ) -> Iterator[ImportedRecord]: ...

    @overload
    def records(
        self, kind: Literal["pretraining"], on_problem: Callable[[str], None] = ...
    ) -> Iterator[PretrainingRecord]: ...

    def records(self, kind: str = "run", on_problem: Callable[[str], None] = lambda sentence: None) -> Iterator[Record]:
        """All complete records of one kind, see `all_records`.

        Args:
            kind: ``run``, ``failure`` (of a cell that did not finish), ``bench``, ``pretraining`` or
                ``imported``.
            on_problem: called with one sentence about every file of any kind that is left out.
        """
        every = self.all_records(lambda file, reason: on_problem(f"{file} {reason}; it is left out"))
        return (record for record in every if record.get("kind", "run") == kind)

    def all_records(self, on_left_out: Callable[[Path, str], None]) -> Iterator[Record]:
        """All complete records, each once, ordered by the names of their folders; records in folders of other names come last.

        A copy of a run's folder is no run of its own: of several records with one key the first counts.

        Args:
            on_left_out: called with every file that is left out and the reason, which completes a sentence that begins with the
                file.
        """
        places: dict[str, Path] = {}
        for file, record in self._readable(on_left_out):
            first = places.setdefault(record["key"], file)
            if first is file:
                yield record
            else:
                on_left_out(file, f"repeats the record in {first.parent.name}")

    def _readable(self, on_damaged: Callable[[Path, str], None]) -> Iterator[tuple[Path, Record]]:
        """The records that can be read and their files; those that are not where their predictions are looked for come last."""
        elsewhere: list[tuple[Path, Record]] = []
        for file in self.files():
            try:
                record = read_sealed(file).record
            except DamagedError as error:
                on_damaged(file, str(error))
                continue
            if is_cell(record) and file.parent.name != folder_name(Key.of(record)):
                elsewhere.append((file, record))
            else:
                yield file, record
        yield from elsewhere

    def predictions(self, record: RunRecord) -> list[PredictionRow]:
        """The predictions of a run, one row per example of dev and test; empty if the run kept none.

        Those on a test set are read with the record that `by_test_set` makes for it.

        Raises:
            InputError: they are missing, or not those that were written with the record.
        """
        wanted = record["task"]["dataset"] if "trained_on" in record else None
        return [row for row in self.all_predictions(record) if row.get(TEST_SET) == wanted]

    def all_predictions(self, record: RunRecord) -> list[PredictionRow]:
        """The predictions of a run on every dataset that it is scored on.

        Raises:
            InputError: see `predictions`.
        """
        folder = self.folder_of(record)
        try:
            digest = read_sealed(folder / RECORD).predictions_sha256
        except DamagedError as error:
            raise InputError(f"{folder / RECORD} {error}; run the cell again with --force") from error
        if record.get("predictions") is None:
            return []
        # A writer that was killed right after it had moved the record left the predictions under their temporary name.
        for file in (folder / PREDICTIONS, *folder.glob(f"{PREDICTIONS}.*{_NEW}")):
            with contextlib.suppress(OSError, ValueError):
                content = file.read_bytes()
                if digest in (None, sha256([content])):
                    return [parse_json(line) for line in content.splitlines()]
        raise InputError(
            f"{folder / PREDICTIONS} is missing, or was changed since it was written; run the cell again with --force"
        )

    def check_predictions(self, records: Iterable[RunRecord]) -> None:
        """Check that the predictions of all these runs can be read, so that nothing that is made of them stays a part.

        Raises:
            InputError: see `predictions`.
        """
        for record in records:
            self.all_predictions(record)

    def check_writable(self) -> None:
        """Check before hours of work that results can be stored.

        Raises:
            InputError: the folder cannot be made or written, or its disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as probe:  # without a name, so that no kill leaves it behind
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

    def write(
        self, cell: Keyed, record: Record, predictions: Iterable[PredictionRow] | None, log: str | None = None
    ) -> Path:
        """Store a run in place of an earlier one of the same cell.

        All files are flushed to disk under temporary names. Moving the record into place is the step that counts: before it
        the earlier run is valid, after it this one, and at no time neither.

        Args:
            cell: that was run.
            record: of the run.
            predictions: rows, stored beside the record.
            log: messages of a failure, stored beside the record.

        Raises:
            InputError: the disk is full or not writable; incomplete files are removed.
        """
        target = self.path_of(cell)
        suffix = f".{secrets.token_hex(4)}{_NEW}"
        new = {name: target / f"{name}{suffix}" for name in (PREDICTIONS, ERROR_LOG, RECORD)}
        digest = None
        try:
            target.mkdir(parents=True, exist_ok=True)
            try:
                if predictions is not None:
                    lines = (encoded(json.dumps(row, ensure_ascii=False) + "\n") for row in predictions)
                    digest = _write_durably(new[PREDICTIONS], lines)
                if log is not None:
                    _write_durably(new[ERROR_LOG], [encoded(log)])
                _write_durably(new[RECORD], [sealed(record, digest)])
                new[RECORD].replace(target / RECORD)
            except BaseException:
                for file in new.values():
                    file.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # it holds an earlier run
                    target.rmdir()
                raise
            for name in (PREDICTIONS, ERROR_LOG):
                if new[name].exists():
                    new[name].replace(target / name)
                else:
                    (target / name).unlink(missing_ok=True)
            for remnant in target.glob(f"*{_NEW}"):
                remnant.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"the run could not be written to {self.folder} ({error.strerror}); choose another folder with --out"
            ) from error
        return target

    def rename(self, cell: Keyed, name: str, command: str) -> RunRecord | None:
        """Give the model of a finished run a name of its own.

        Args:
            cell: of the run.
            name: the name.
            command: that repeats the run under this name.

        Returns:
            The new record; ``None`` if there is no such run.

        Raises:
            InputError: the disk is full or not writable; the record stays as it was.
        """
        file = self.path_of(cell) / RECORD
        record = self.find(cell)
        if record is None:
            return None
        digest = read_sealed(file).predictions_sha256
        record["model"] |= {"architecture": architecture_of(record["model"]), "name": name}
        record["command"] = command
        new = file.with_name(f"{RECORD}.{secrets.token_hex(4)}{_NEW}")
        try:
            _write_durably(new, [sealed(record, digest)])
            new.replace(file)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise InputError(
                f"{file} could not be written ({error.strerror}); free some space or check its permissions"
            ) from error
        return record

    def tidy(self) -> None:
        """Remove the files that killed processes left behind, except those that another process is using.

        Checkpoints are removed if their run was written after them, or if they are older than `CHECKPOINT_AGE_DAYS`.
        """
        for path in list(self.folder.glob(".*")):
            kind, _, name = path.name.partition("-")
            if kind in (".training", ".lock"):
                with contextlib.suppress(OSError, InputError):  # the record of a newer harness is its own business
                    self._tidy_cell(name)

    def _tidy_cell(self, name: str) -> None:
        from harness.store.lock import held

        with held(self._lock_file(name), wait=False) as free:
            training, record = self.folder / f".training-{name}", self.folder / name / RECORD
            if not free or not training.is_dir():
                return
            age_s = min(_age_s(path) for path in (training, *training.iterdir()))
            kept_later = is_finished(record) and _age_s(record) <= age_s
            if kept_later or age_s > CHECKPOINT_AGE_DAYS * 24 * 3600:
                shutil.rmtree(training, ignore_errors=True)

    def _lock_file(self, name: str) -> Path:
        return self.folder / f".lock-{name}"


def _write_durably(file: Path, pieces: Iterable[bytes]) -> str:
    """Write a file and flush it to disk; returns the sha256 (hex) of its content."""

    def written() -> Iterator[bytes]:
        for piece in pieces:
            stream.write(piece)
            yield piece

    with file.open("xb") as stream:
        digest = sha256(written())
        stream.flush()
        os.fsync(stream.fileno())
    return digest


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime
