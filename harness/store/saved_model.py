"""The folder of a saved model: which run it is of, and how it is replaced in one step.

The config.json of the model has the key ``harness`` with a `SavedModel`, which `transformers` keeps and ignores.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypedDict, cast

from harness.errors import InputError
from harness.json_file import read_json
from harness.store.keys import Keyed
from harness.store.lock import held
from harness.store.record import ModelEntry, RecipeEntry, RunRecord

ENTRY = "harness"
"""Key in config.json."""
SAVED_HEADS = ("token", "span", "sequence", "embedding")
"""Heads of tasks whose models can be kept; the others train nothing."""


class SavedModel(TypedDict):
    """What a saved model is."""

    key: str
    """Of the record of its run."""
    head: str
    """Kind of head: ``token``, ``span``, ``sequence`` or ``embedding``."""
    task: str
    """``family/dataset`` that it was fine-tuned on."""
    fingerprint: str
    """Of that dataset."""
    metric: str
    dev: float | None
    """Score on dev by that metric; missing where the dataset has no dev split."""
    model: ModelEntry
    """The encoder and its weights before fine-tuning."""
    recipe: RecipeEntry
    seed: int
    tuned: dict[str, float]
    command: str
    """That repeats the run."""


def read_saved(folder: Path) -> SavedModel | None:
    """What the saved model in a folder is, or ``None`` if this harness saved none there."""
    try:
        config = read_json(folder / "config.json")
    except (OSError, ValueError):
        return None
    return saved_in(config) if isinstance(config, dict) else None


def saved_in(config: dict[str, object]) -> SavedModel | None:
    """The entry in the content of a config.json, if it has one."""
    entry = config.get(ENTRY)
    return cast(SavedModel, entry) if isinstance(entry, dict) and SavedModel.__required_keys__ <= entry.keys() else None


def check_folder(folder: Path, key: str, force: bool) -> None:
    """See that a model of this run may be written to a folder: it is missing, is empty or holds a saved model.

    Args:
        folder: of the model.
        key: of the run.
        force: the saved model of another run may be replaced.

    Raises:
        InputError: it holds something else, or the model of another run, or cannot be made.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; --save-model takes a folder")
        others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=_unfinished(folder)):
            pass
    except OSError as error:
        raise InputError(f"no model can be saved to {folder} ({error.strerror}); choose another folder") from error
    there = read_saved(folder)
    if others and there is None:
        raise InputError(f"{folder} holds other files, such as {others[0]}; choose an empty folder for the model")
    if there and there["key"] != key and not force:
        raise InputError(
            f"{folder} holds the model of another run, {there['key']} on {there['task']}; choose another folder, or replace it "
            "with --force"
        )


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give a new folder to write a model into, and put it in the place of ``folder`` when the block ends without an error.

    Raises:
        InputError: the disk is full or not writable; what was in ``folder`` is still there.
    """
    target = folder.absolute()
    new = target.with_name(f"{_unfinished(folder)}{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new.mkdir()  # not of `tempfile`, whose folders no other user can read
        yield new
        _flush(new)
        _swap(new, target)
    except OSError as error:
        raise InputError(f"the model could not be written to {folder} ({error.strerror or error})") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def dev_of(record: RunRecord) -> float | None:
    """The score on dev by the main metric, if there is a dev split."""
    return record["scores"]["dev"].get(record["task"]["metric"])


def best_folder(root: Path, cell: Keyed, name: str = "") -> Path:
    """The folder of the best model of an encoder on a dataset, below the folder of ``--save-best``.

    Args:
        root: that folder.
        cell: of the encoder on the dataset.
        name: of a model that has one of its own, see `harness.cells.names`.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{name or f'{cell.model}-{cell.size}'}_{cell.task}")
    return root / re.sub("^[.]", "-", name)


def is_better(dev: float | None, fingerprint: str, folder: Path) -> bool:
    """Whether a model with this dev score should replace the one in a folder.

    Raises:
        InputError: the folder holds the model of other examples, whose scores cannot be compared.
    """
    there = read_saved(folder)
    if there is None:
        return True
    if there["fingerprint"] != fingerprint:
        raise InputError(f"{folder} holds a model of other examples of {there['task']}; choose another --save-best")
    return (dev if dev is not None else -1.0) > (there["dev"] if there["dev"] is not None else -1.0)


def alone(folder: Path) -> AbstractContextManager[bool]:
    """Hold the folder of a model while a block compares and replaces it."""
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    return held(folder.absolute().parent / f".lock-{folder.name}")


def _unfinished(folder: Path) -> str:
    return f".{folder.absolute().name}.new-"


def _swap(new: Path, target: Path) -> None:
    """Move a folder to where another one may be. If that fails in between, the old one is put back."""
    if not target.exists() or not any(target.iterdir()):
        new.rename(target)
        return
    old = new.with_name(f"{new.name}-old")
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream, contextlib.suppress(OSError):
                os.fsync(stream.fileno())
