"""Read files of lines: without a byte order mark, and reporting a bad line without losing the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError
from harness.json_file import JsonError, JsonObject, parse_json


def numbered_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is not empty, with its number from 1.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                if raw.strip():
                    yield number, raw.rstrip(b"\r\n")
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error


def json_lines(file: Path) -> Iterator[tuple[int, JsonObject | str]]:
    """Every line's number and object, or in place of the object a description of its defect, such as ``is not JSON``."""
    for number, raw in numbered_lines(file):
        try:
            row = parse_json(raw)
            yield number, row if isinstance(row, dict) else "is not a JSON object"
        except JsonError as error:
            yield number, str(error)


def shown(value: object, length: int = 40) -> str:
    """A value as a message shows it: text in quotes, anything else as JSON in quotes, cut to ``length`` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= length else text[: length - 3] + "...")


def text_defect(value: object, key: str) -> str:
    """Why the value of a key is no text, as the end of a sentence; empty if it is one."""
    if not isinstance(value, str) or not value.strip():
        return f"has no text in {key!r}" + ("" if value in (None, "") else f" but {shown(value)}")
    return "" if is_unicode(value) else f"has half a surrogate pair in {key!r}, which is not a character"


def is_unicode(text: str) -> bool:
    """Whether the text can be written: JSON can hold half a surrogate pair, which is not a character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
