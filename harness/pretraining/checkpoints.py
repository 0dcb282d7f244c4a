"""Checkpoints of a run: whole ones count, the last is kept, and a crash at any moment leaves one or none to begin from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

COMPLETE = "complete"


def number_of(checkpoint: Path) -> int:
    """The step at which a checkpoint was taken."""
    return int(checkpoint.name.rpartition("-")[2])


def last_in(folder: Path) -> Path | None:
    """The last whole checkpoint of a folder."""
    return max((mark.parent for mark in folder.glob(f"checkpoint-*/{COMPLETE}")), key=number_of, default=None)


def tidy(folder: Path) -> None:
    """Remove checkpoints that were cut off while they were written or removed."""
    for checkpoint in folder.glob("checkpoint-*"):
        if not (checkpoint / COMPLETE).is_file():
            shutil.rmtree(checkpoint, ignore_errors=True)


def complete(checkpoint: Path) -> None:
    """Flush a checkpoint's files to the disk, mark it as whole, and remove those before it."""
    for file in checkpoint.rglob("*"):
        if file.is_file():
            _flush(file)
    (checkpoint / COMPLETE).touch()
    _flush(checkpoint / COMPLETE)
    for other in checkpoint.parent.glob("checkpoint-*"):
        if other != checkpoint:
            (other / COMPLETE).unlink(missing_ok=True)  # first, so that none is taken for whole while it goes
            shutil.rmtree(other, ignore_errors=True)


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
