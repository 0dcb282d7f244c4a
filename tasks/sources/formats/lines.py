"""Files of lines as every source reads them: without a byte order mark, one bad line never hiding the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import InputError


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


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Every line's number and object, or in the object's place what is wrong with it, after a subject: ``is not JSON``."""
    for number, raw in numbered_lines(file):
        try:
            row = json.loads(raw.decode("utf-8"))
            yield number, row if isinstance(row, dict) else "is not a JSON object"
        except UnicodeDecodeError as error:
            yield number, f"is not UTF-8 (byte {raw[error.start]:#04x})"
        except json.JSONDecodeError as error:
            yield number, f"is not JSON ({error.msg} at column {error.colno})"


def is_unicode(text: str) -> bool:
    """Whether it can be written: JSON can hold half a surrogate pair, which is no character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
