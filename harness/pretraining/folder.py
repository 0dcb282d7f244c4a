"""The folder of a pretraining: one process works in it, and it belongs to one run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.errors import InputError, StoppedError
from harness.json_file import read_json
from harness.machine import distributed
from harness.pretraining import checkpoints
from harness.store.lock import held
from harness.store.pretrained import read_pretraining
from harness.text_file import write_whole

WORK = ".pretraining"
"""Holds the checkpoints until the run is finished."""
_IDENTITY = "identity.json"
_LOCK = ".pretraining.lock"


@contextmanager
def saying_what_is_saved(out: Path) -> Iterator[None]:
    """Tell the user who stops the run whether the same command continues it or starts it again."""
    try:
        yield
    except KeyboardInterrupt as stop:
        has_checkpoint = any(checkpoints.last_in(folder) for folder in (out / WORK).glob("*"))
        raise StoppedError.of_training(has_checkpoint) from stop


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the folder of the result.

    Raises:
        InputError: another process pretrains into it.
    """
    if not distributed.is_first():
        yield
        return
    with held(out / _LOCK, wait=False) as free:
        if not free:
            raise InputError(f"another process pretrains into {out}; wait for it, or choose another --out")
        yield


def check_folder(out: Path, identity: Mapping[str, object]) -> None:
    """See that the folder is missing, empty or belongs to this run, perhaps with another number of passes allowed.

    Raises:
        InputError: it holds something else.
    """
    finished = read_pretraining(out)
    earlier = finished["identity"] if finished else _read_json(out / WORK / _IDENTITY)
    if earlier is not None and (different := _differences(earlier, identity)):
        raise InputError(
            f"{out} holds a pretraining that differs in {', '.join(different)}; choose another --out, or remove the folder"
        )
    ours = {WORK, _LOCK}
    if earlier is None and out.is_dir() and (others := sorted({path.name for path in out.iterdir()} - ours)):
        raise InputError(f"{out} holds other files, such as {others[0]}; choose an empty folder as --out")


def _differences(earlier: Mapping[str, object], identity: Mapping[str, object]) -> list[str]:
    """The names of values that decide the weights or the curve and differ."""
    before, now = _without_passes(earlier), _without_passes(identity)
    return [name for name in now | before if before.get(name) != now.get(name)]


def _without_passes(identity: Mapping[str, object]) -> dict[str, object]:
    """An identity without the bound on how often the corpus is read, which decides nothing once a run has begun."""
    recipe = identity.get("recipe")
    if not isinstance(recipe, Mapping):
        return dict(identity)
    return {**identity, "recipe": {name: value for name, value in recipe.items() if name != "passes"}}


def claim(out: Path, identity: Mapping[str, object]) -> None:
    """Check the folder, and claim it for this run."""
    check_folder(out, identity)
    if read_pretraining(out):
        return
    file = out / WORK / _IDENTITY
    file.parent.mkdir(exist_ok=True)
    write_whole(file, json.dumps(identity, indent=1))


def _read_json(file: Path) -> dict[str, object] | None:
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
