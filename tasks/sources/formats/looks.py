"""What a file looks like by its content, for messages about files in a format that is not the expected one."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InputError
from tasks.sources.splits import read_bytes

_MAGIC = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_SUFFIXES = {
    "Parquet": ".parquet",
    "Arrow": ".arrow",
    "JSON lines": ".jsonl",
    "JSON": ".json",
    "tab": ".tsv",
    "CSV": ".csv",
}


def binary(content: bytes) -> str:
    """The format of a file that is not UTF-8 text, by its first bytes; empty if these are not known."""
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), "")


def looks_like(path: Path) -> str:
    """The format of a file by its content, in a few words; empty if it cannot be told.

    Raises:
        InputError: it cannot be read.
    """
    content = read_bytes(path)
    if kind := binary(content):
        return kind
    text = content[:65536].decode("utf-8-sig", "replace")
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()][:20]
    if not lines:
        return ""
    if lines[0].lstrip().startswith(('{"', "{'", "[{", '["', "[[")) or lines[0].strip() in ("{", "["):
        return "JSON lines" if len(lines) > 1 and lines[0][0] == lines[1][0] == "{" else "JSON"
    for delimiter, name in (("\t", "tab-separated values"), (",", "CSV"), (";", "CSV with semicolons")):
        if all(delimiter in line for line in lines):
            return f"{name} with the first line {lines[0][:60]!r}"
    return "CoNLL" if all(len(line.split()) == len(lines[0].split()) > 1 for line in lines) else "plain text"


def other_format(path: Path, expected: str, error: Exception) -> Exception:
    """The error about a file that looks like another format than the expected one, else the error that there was.

    Args:
        path: of the file.
        expected: how `looks_like` begins to name the expected format.
        error: that occurred when it was read as such.
    """
    kind = looks_like(path) if path.is_file() else ""
    alike = ("plain", "tab", "CoNLL", expected)  # columns of CoNLL may be anything that is separated by tabs
    if not kind or kind.startswith(alike):
        return error
    return InputError(f"{path} looks like {kind}, not {expected}{renaming(path, kind)}")


def renaming(path: Path, kind: str) -> str:
    """What to do with a file of this format, as the end of a message: rename it, if its format is read."""
    suffix = _suffix(kind)
    return "; convert it" if suffix in ("", path.suffix) else f"; rename it to {path.stem}{suffix}"


def is_as_named(path: Path, kind: str) -> bool:
    """Whether a file of this format has its suffix, so that its name is right."""
    return _suffix(kind) == path.suffix != ""


def _suffix(kind: str) -> str:
    return next((suffix for name, suffix in _SUFFIXES.items() if kind.startswith(name)), "")
