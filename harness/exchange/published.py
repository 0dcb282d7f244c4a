"""Remove the paths of this machine from anything that is published.

Records contain paths, so that a run can be repeated; tables, figures and pages must not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import TypeVar, cast

from harness.store.record import Record
from harness.values import name_of_folder

R = TypeVar("R", bound=Record)

_PLACEHOLDERS = {
    "--model": "PATH",
    "--weights": "PATH",
    "--data-dir": "DIR",
    "--out": "DIR",
    "--report": "DIR",
    "--log-dir": "DIR",
    "--baseline": "FILE",
}
_END = r"\s'\"<>|,;:()\[\]{}=\\/"
_NAMES = rf"(?:[^{_END}]+[/\\]+)"
_PATH = re.compile(
    rf"(?:(?<![\w.:/~\\<*\[-])(?:~[\w.-]*|[A-Za-z]:)[/\\]+{_NAMES}*"
    rf"|(?:file://|(?<![\w.:/~\\<*\[-])/?|(?<=:)(?!//))[/\\]{_NAMES}+)([^{_END}]*)"
)
"""A path from a home folder or a drive, or from the root with two names or more. Its last name is kept, for the reader."""


def published(record: R) -> R:
    """A record without paths of the machine: folders by their last name, commands with ``PATH`` and ``DIR`` in their place.

    The values by which runs are grouped (identity, fingerprint, options) do not change.
    """
    content = cast("Mapping[str, object]", record)
    model, task, command = _part(content, "model"), _part(content, "task"), content.get("command")
    tests = cast("Sequence[Mapping[str, object]]", content.get("tests", ()))
    origins = [_part(test, "task").get("origin") for test in tests]
    texts = (_folder_of(model), task.get("origin"), *origins, *_paths_in(command))
    known = sorted({text for text in texts if isinstance(text, str) and is_path(text)}, key=len, reverse=True)
    whole = re.compile("|".join(rf"(?<![\w./~\\-]){re.escape(path)}(?![\w-])" for path in known) or "(?!)")

    def clean(text: str) -> str:
        # Known paths of the record may contain blanks; other paths in a sentence end at a blank.
        return without_paths(whole.sub(lambda found: last_name(found[0]), text))

    changed = {key: _mapped(value, clean) for key, value in content.items() if key != "command"}
    if folder := _folder_of(model):
        changed["model"] = {**_part(changed, "model"), "weights": name_of_folder(folder)}
    if "options" in task:
        changed["task"] = {**_part(changed, "task"), "options": task["options"]}
    for test, cleaned in zip(
        tests, cast("Sequence[dict[str, dict[str, object]]]", changed.get("tests", ())), strict=True
    ):
        cleaned["task"]["options"] = _part(test, "task").get("options", {})
    if "command" in content:
        changed["command"] = published_command(command, folder) if isinstance(command, str) and command else command
    return cast(R, changed)


def _part(record: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A table within a record; empty if it has none."""
    part = record.get(key)
    return part if isinstance(part, dict) else {}


def published_command(command: str, weights: str | None = None) -> str:
    """A command with placeholders in place of paths.

    Args:
        command: for a shell.
        weights: the value of ``--weights`` if it is a folder; a relative path cannot be recognised otherwise.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # not a command: the record was written by hand
        return without_paths(command)
    shown = []
    for before, word in zip(["", *words], words, strict=False):
        name, equals, value = word.partition("=")
        shown.append(f"{name}={_shown(name, value, weights)}" if equals else _shown(before, word, weights))
    return command if shown == words else shlex.join(shown)


def _shown(option: str, value: str, weights: str | None) -> str:
    """The value of an option as a published command shows it."""
    if option in _PLACEHOLDERS and (is_path(value) or value == weights):
        return _PLACEHOLDERS[option]
    return last_name(value) if is_path(value) else value


def without_paths(text: str) -> str:
    """A sentence with every absolute path in it replaced by its last name."""
    return _PATH.sub(lambda found: found[1], text) if "/" in text or "\\" in text else text


def is_path(text: str) -> bool:
    """Whether a text is a path from a root, a home folder or the parent folder."""
    return text.startswith(("/", "~", "..", "\\")) or bool(PureWindowsPath(text).drive)


def last_name(path: str) -> str:
    """The last name of a path of any system."""
    return PureWindowsPath(path).name or "PATH"


def _folder_of(model: Mapping[str, object]) -> str | None:
    """The folder of a checkpoint; ``None`` for weights from scratch or from the hub."""
    weights, identity = model.get("weights"), model.get("identity")
    if not isinstance(weights, str) or weights in ("scratch", "hub", "none"):
        return None
    from_hub = isinstance(identity, str) and identity.startswith(f"{weights}@")
    return None if from_hub or not re.search(r"[/\\]", weights) else weights


def _paths_in(command: object) -> Sequence[str]:
    try:
        return [word for word in shlex.split(command) if is_path(word)] if isinstance(command, str) else []
    except ValueError:
        return []


def _mapped(value: object, change: Callable[[str], str]) -> object:
    """The same lists and mappings with every text in them changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list) else value
