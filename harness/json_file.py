"""Read JSON that anybody may have written: whatever is wrong with it becomes one exception with a reason in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST_NESTED = 100
"""Levels of brackets. Python's own limit depends on the depth of its stack, and so on where a file happens to be read."""
LONGEST_INTEGER = 300
"""Digits. A longer integer has no float, and Python refuses to read more than 4,300 digits."""


class JsonError(ValueError):
    """Content that is no usable JSON; the message ends the sentence "FILE ..."."""


def read_json(file: Path) -> Any:
    """The value in a JSON file.

    Raises:
        OSError: the file cannot be read.
        JsonError: it is not JSON, or nests or counts beyond what is usable.
    """
    return parse_json(file.read_bytes())


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        JsonError: it is not JSON, or nests or counts beyond what is usable.
    """
    try:
        value = json.loads(content, parse_int=_integer)
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeDecodeError as error:
        raise JsonError("is not JSON: it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise JsonError(f"is not JSON: {error}") from error
    if _is_deep(value):
        raise _too_deep()
    return value


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise JsonError(f"holds an integer of {len(digits):,} digits")
    return int(digits)


def _too_deep() -> JsonError:
    return JsonError(f"nests brackets more than {MOST_NESTED} deep")


def _is_deep(value: Any) -> bool:
    level: Sequence[Any] = [value]
    for _ in range(MOST_NESTED + 1):
        containers = [one for one in level if isinstance(one, list | dict)]
        level = [child for one in containers for child in (one.values() if isinstance(one, dict) else one)]
        if not containers:
            return False
    return True
