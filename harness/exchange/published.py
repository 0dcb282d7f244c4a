"""What may leave the machine. Records name its folders, so that a run can be repeated; tables, figures and pages must not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any, TypeVar, cast

from harness.store.record import Record

R = TypeVar("R", bound=Record)

_PLACEHOLDERS = {
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
"""A path from a home folder or a drive, or from the root with two names or more. The last name is kept: it says what is meant."""


def published(record: R) -> R:
    """A record without paths of the machine: folders by their last name, commands with ``PATH`` and ``DIR`` in their place.

    What decides whether runs belong together (identity, fingerprint, options) is as it was.
    """
    content = cast("dict[str, Any]", record)
    model, task = content.get("model") or {}, content.get("task") or {}
    folders = [text for text in (_folder_of(model), task.get("origin"), *_paths_in(content.get("command"))) if text]
    known = sorted({text for text in folders if is_path(text)}, key=len, reverse=True)
    whole = re.compile("|".join(rf"(?<![\w./~\\-]){re.escape(path)}(?![\w-])" for path in known) or "(?!)")

    def clean(text: str) -> str:
        # The paths that the record is known to have may hold blanks, at which those in a sentence end.
        return without_paths(whole.sub(lambda found: last_name(found[0]), text))

    changed = _mapped({key: value for key, value in content.items() if key != "command"}, clean)
    if folder := _folder_of(model):
        changed["model"]["weights"] = last_name(folder)
    if "options" in task:
        changed["task"]["options"] = task["options"]
    if "command" in content:
        changed["command"] = content["command"] and published_command(content["command"], folder)
    return cast(R, changed)


def published_command(command: str, weights: str | None = None) -> str:
    """A command with placeholders where it has paths of the machine.

    Args:
        command: as a shell takes it.
        weights: the value of ``--weights`` if it is a folder, which a relative path does not show.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # not a command: somebody wrote the record by hand
        return without_paths(command)
    shown = []
    for before, word in zip(["", *words], words, strict=False):
        name, equals, value = word.partition("=")
        shown.append(f"{name}={_shown(name, value, weights)}" if equals else _shown(before, word, weights))
    return command if shown == words else shlex.join(shown)


def _shown(option: str, value: str, weights: str | None) -> str:
    """What a command shows of the value of an option."""
    if option in _PLACEHOLDERS and (is_path(value) or value == weights):
        return _PLACEHOLDERS[option]
    return last_name(value) if is_path(value) else value


def without_paths(text: str) -> str:
    """A sentence with the last name of every absolute path in it."""
    return _PATH.sub(lambda found: found[1], text) if "/" in text or "\\" in text else text


def is_path(text: str) -> bool:
    """Whether a text is a path from a root, a home folder or the parent folder."""
    return text.startswith(("/", "~", "..", "\\")) or bool(PureWindowsPath(text).drive)


def last_name(path: str) -> str:
    """The last name of a path of whatever system."""
    return PureWindowsPath(path).name or "PATH"


def _folder_of(model: Mapping[str, Any]) -> str | None:
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


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same lists and mappings with every text in them changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list) else value
