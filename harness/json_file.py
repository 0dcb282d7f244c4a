"""Read JSON of any origin: every defect becomes one exception with a reason in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_NESTED = 100
"""Levels of brackets. Python's own limit depends on the depth of the stack where the file happens to be read."""
LONGEST_INTEGER = 300
"""Digits. A longer integer has no float, and Python refuses to read more than 4,300 digits."""


JsonObject = dict[str, Any]
"""An object of a JSON file of unknown origin; its values must be checked before use."""


class JsonError(ValueError):
    """The content is not usable JSON. The message completes a sentence that begins with the file: ``is not JSON: ...``.

    Args:
        problem: the message.
        line: of the defect, counted from 1; 1 if it is not known.
    """

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.line = line


def read_json(file: Path) -> Any:
    """The value in a JSON file.

    Raises:
        OSError: the file cannot be read.
        JsonError: it is not JSON in UTF-8, is nested too deeply, or holds too long an integer.
    """
    return parse_json(file.read_bytes())


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text; one in bytes may begin with a byte order mark.

    Raises:
        JsonError: it is not JSON in UTF-8, is nested too deeply, or holds too long an integer.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        value: object = json.loads(text, parse_int=_integer)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise JsonError(f"is not UTF-8 (byte {error.object[error.start]:#04x})", line) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in error.doc else f"column {error.colno}"
        raise JsonError(f"is not JSON: {error.msg.removesuffix(' at')} at {place}", error.lineno) from error
    except RecursionError as error:
        raise _too_deep() from error
    if _is_deep(value):
        raise _too_deep()
    return value


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise JsonError(f"holds an integer of {len(digits):,} digits")
    return int(digits)


def _too_deep() -> JsonError:
    return JsonError(f"nests brackets more than {MOST_NESTED} deep")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MOST_NESTED + 1):
        containers = [one for one in level if isinstance(one, list | dict)]
        level = [child for one in containers for child in (one.values() if isinstance(one, dict) else one)]
        if not containers:
            return False
    return True
