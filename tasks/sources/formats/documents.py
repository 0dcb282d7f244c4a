"""Plain text in UTF-8 as documents, with an empty line between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError


def documents_in(file: Path) -> Iterator[str]:
    """The documents of a file, each with one paragraph a line.

    Raises:
        InputError: the file cannot be read, is binary or not UTF-8 (the line is named).
    """
    lines: list[str] = []
    try:
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                line = _decoded(file, number, raw).strip()
                if line:
                    lines.append(line)
                elif lines:
                    yield "\n".join(lines)
                    lines = []
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error
    if lines:
        yield "\n".join(lines)


def _decoded(file: Path, number: int, raw: bytes) -> str:
    if b"\0" in raw:
        raise InputError(f"{file} is binary (line {number} holds a zero byte); give plain UTF-8 text")
    try:
        return raw.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not UTF-8 (line {number}, byte {raw[error.start]:#04x}); save it as UTF-8 or take it out"
        ) from error
