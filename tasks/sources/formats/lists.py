"""Lists that are written as text, as in CSV files."""

from __future__ import annotations

import ast

_SEPARATORS = "|;,"


def listed(value: object) -> list[object] | None:
    """A list, also one that is written in a text, as in CSV: as JSON or Python writes it, or words between blanks."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return None
    if value.lstrip().startswith("["):
        try:
            read = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        return read if isinstance(read, list) else None
    return list(value.split())


def parted(text: str) -> list[object] | None:
    """The labels of a text: as JSON or Python writes a list, or with ``|``, ``;`` or ``,`` between the labels.

    ``None`` if it begins as a list of JSON or Python and is none.
    """
    if text.lstrip().startswith("["):
        return listed(text)
    separator = next((one for one in _SEPARATORS if one in text), None)
    parts = text.split(separator) if separator else [text]
    return [label for part in parts if (label := part.strip())]
