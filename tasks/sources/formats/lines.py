"""Files of lines as every source reads them: without a byte order mark, one bad line never hiding the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import InputError


class NotJsonError(ValueError):
    """What is wrong with a text that is not JSON, after a subject: ``is not JSON (...)``.

    Args:
        problem: what is wrong.
        line: where, counted from 1; 1 where it is not known.
    """

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.line = line


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
            row = parse_json(raw)
            yield number, row if isinstance(row, dict) else "is not a JSON object"
        except NotJsonError as error:
            yield number, str(error)


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises:
        NotJsonError: it is not UTF-8 or not JSON, is nested too deeply, or holds a number of too many digits.
    """
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise NotJsonError(f"is not UTF-8 (byte {raw[error.start]:#04x})", line) from error
    except json.JSONDecodeError as error:
        raise NotJsonError(f"is not JSON ({error.msg} at column {error.colno})", error.lineno) from error
    except RecursionError as error:
        raise NotJsonError("holds lists or objects that are nested too deeply") from error
    except ValueError as error:
        raise NotJsonError(f"holds a whole number of more than {sys.get_int_max_str_digits()} digits") from error


def shown(value: object, length: int = 40) -> str:
    """A value as a message shows it: text in quotes, anything else as JSON in quotes, cut at so many characters."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        text = "lists or objects that are nested deeply"
    return repr(text if len(text) <= length else text[: length - 3] + "...")


def is_unicode(text: str) -> bool:
    """Whether it can be written: JSON can hold half a surrogate pair, which is no character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
