"""Local files of tables: CSV, TSV, JSON, JSON lines, Parquet, Arrow, and folders of ``save_to_disk``.

CSV is read by the standard library, not by pandas, which fills the end of a short line with missing values, reads the text "NA"
as one, and guesses types by the piece. Every value of a CSV file is text here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError, on_one_line
from harness.json_file import JsonError, JsonObject, parse_json
from tasks.sources.formats.lines import json_lines
from tasks.sources.formats.looks import binary, looks_like
from tasks.sources.splits import read_bytes
from tasks.sources.tables.table import Placed, Table, from_arrow, from_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

SAVED = ("state.json", "dataset_info.json")
"""The files beside the Arrow files of a split that `datasets` saved to disk."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}.*$")
_DELIMITERS = "\t,;|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True)
class Files:
    """The files of one split; a folder of ``save_to_disk`` counts as one."""

    name: str
    paths: tuple[Path, ...]

    @property
    def where(self) -> str:
        """The file, or the first of several, for messages."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"


def find(folder: Path) -> dict[str, Files]:
    """The tables of a folder by the names of their splits: files ``NAME.csv``, shards, folders ``NAME`` or ``data``.

    Raises:
        InputError: a split is there in several formats.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            inside = [path] if _is_saved(path) else [one for one in sorted(path.iterdir()) if one.suffix in _READERS]
            for one in inside:
                found.setdefault(_split_name(one) if path.name == "data" else path.name, []).append(one)
        elif path.suffix.lower() in _READERS and path.name not in (*SAVED, "source.json", "dataset_dict.json"):
            found.setdefault(_split_name(path), []).append(path)
    if _is_saved(folder):  # one Dataset, not a DatasetDict
        found = {"train": [folder]}
    for name, paths in found.items():
        if len({path.suffix.lower() for path in paths}) > 1:
            raise InputError(f"{folder} holds {name} twice, as {' and '.join(path.name for path in paths)}; leave one")
    return {name: Files(name, tuple(paths)) for name, paths in found.items()}


def read(files: Files) -> Table:
    """Read the table of one split.

    Raises:
        InputError: a file cannot be read as the format that its name says.
    """
    first = files.paths[0]
    if first.is_dir():
        return _read_saved(files)
    return _READERS[first.suffix.lower()](files)


def identity(tables: Mapping[str, Files]) -> str:
    """sha256 (hex) over the names of the splits and the bytes of their files."""
    digest = hashlib.sha256()
    for name, files in tables.items():
        for path in files.paths:
            for file in sorted(path.iterdir()) if path.is_dir() else (path,):
                digest.update(f"{name} {file.name} {hashlib.sha256(read_bytes(file)).hexdigest()}\n".encode())
    return digest.hexdigest()


def format_of(path: Path) -> str:
    """The format of a file by its name, for people."""
    return "save_to_disk" if path.is_dir() else _FORMATS[path.suffix.lower()]


def _is_saved(path: Path) -> bool:
    return all((path / name).is_file() for name in SAVED)


def _split_name(path: Path) -> str:
    return _SHARD.sub("", path.stem)


def _read_delimited(files: Files) -> Table:
    header: list[str] = []
    rows: list[Placed] = []
    for path in files.paths:
        header, lines = _delimited(path)
        rows += lines
    return from_rows(files.name, files.where, format_of(files.paths[0]), rows, header)


def _delimited(path: Path) -> tuple[list[str], Iterator[Placed]]:
    """The names of the columns, and the rows."""
    text = _text(path)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(_DELIMITERS, key=lambda one: (head.count(one), one == ("\t" if path.suffix == ".tsv" else ",")))
    plain = delimiter == "\t" and _has_bare_quotes(text)
    csv.field_size_limit(max(len(text), 131_072))
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
        strict=True,
    )
    lines = _records(path, reader)
    at, first = next(lines, ("", []))
    if isinstance(first, str):
        raise InputError(f"{at} {first}")
    header = [name.strip() for name in first]
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise InputError(f"{path} has the column {twice[0]!r} twice; rename one of them")
    return header, (_row(at, values, header) for at, values in lines)


def _row(at: str, values: list[str] | str, header: Sequence[str]) -> Placed:
    if isinstance(values, str):
        return at, values
    if len(values) != len(header):
        return at, f"has {len(values)} values, but the first line names {len(header)} columns"
    return at, dict(zip(header, values, strict=True))


def _records(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[str, list[str] | str]]:
    """Every record that is not empty, with the line where it begins, or a description of its defect."""
    while True:
        at = f"{path}:{reader.line_num + 1}"  # type: ignore[attr-defined]
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            yield at, "opens a quote that is never closed" if unclosed else f"is not CSV ({error})"
        else:
            if values:
                yield at, values


def _has_bare_quotes(text: str) -> bool:
    """Whether quotes of a tab-separated file are plain characters, as in GLUE's: some value begins with one and is not quoted."""
    lines = [line.rstrip("\n") for line in io.StringIO(text, newline=None)]  # splitlines() ends lines at U+2028 too
    cells = (cell for line in lines for cell in line.split("\t") if cell.startswith('"'))
    if all(_QUOTED.fullmatch(cell) for cell in cells):
        return False
    widths = {line.count("\t") for line in lines if line}
    return len(widths) == 1  # a quoted value with a line end inside would change the number of tabs


def _text(path: Path) -> str:
    content = read_bytes(path)
    _refuse_binary(path, content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line} is not UTF-8 (byte {content[error.start]:#04x}); convert the file, for example with iconv"
        ) from error


def _read_json(files: Files) -> Table:
    rows = [row for path in files.paths for row in _json_rows(path)]
    return from_rows(files.name, files.where, format_of(files.paths[0]), rows)


def _json_rows(path: Path) -> Iterator[Placed]:
    """The objects of JSON lines, of a list, of a list under ``data``, or of a mapping of columns to values."""
    content = read_bytes(path)
    _refuse_binary(path, content)
    begins = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begins != b"[":
        lines = list(json_lines(path))
        if begins != b"{" or any(isinstance(row, dict) for _, row in lines[1:]) or _is_row(lines):
            yield from ((f"{path}:{number}", row) for number, row in lines)
            return
    try:
        document = parse_json(content)
    except JsonError as error:
        raise InputError(
            f"{path}:{error.line} {error}; a file of JSON holds a list of objects, or one per line"
        ) from error
    if isinstance(document, dict):
        held = document.get("data")
        document = held if isinstance(held, list) else list(_transposed(path, document))
    for number, row in enumerate(document):
        yield f"{path}, entry {number}", row if isinstance(row, dict) else "is not a JSON object"


def _is_row(lines: Sequence[tuple[int, JsonObject | str]]) -> bool:
    """Whether the only line of a file is a row, not a document of rows or of columns."""
    if len(lines) != 1 or not isinstance(lines[0][1], dict):
        return False
    row = lines[0][1]
    return "data" not in row and not all(isinstance(value, list | dict) for value in row.values())


def _transposed(path: Path, columns: Mapping[str, object]) -> Iterator[JsonObject]:
    """Rows of columns, which are lists, or mappings of row numbers to values, as pandas writes them."""
    values = [list(value.values()) if isinstance(value, dict) else value for value in columns.values()]
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) < len(values) or len({len(value) for value in lists}) > 1:
        raise InputError(f"{path} is one JSON object, neither rows nor equally long columns; write one object per line")
    return (dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True))


def _read_parquet(files: Files) -> Table:
    from pyarrow import parquet

    return _read_arrow_tables(files, lambda path: parquet.read_table(path, partitioning=None), "Parquet")


def _read_arrow(files: Files) -> Table:
    return _read_arrow_tables(files, _arrow_file, "Arrow")


def _arrow_file(path: Path) -> pa.Table:
    import pyarrow as pa

    with pa.OSFile(str(path)) as stream:
        magic = stream.read(6)
        stream.seek(0)
        opened = pa.ipc.open_file(stream) if magic == b"ARROW1" else pa.ipc.open_stream(stream)
        return opened.read_all()


def _read_arrow_tables(files: Files, read_one: Callable[[Path], pa.Table], name: str) -> Table:
    import pyarrow as pa

    tables = []
    for path in files.paths:
        try:
            tables.append(read_one(path))
        except (OSError, pa.ArrowException) as error:
            said = f"looks like {kind}" if (kind := looks_like(path)) else on_one_line(error)
            raise InputError(f"{path} is not a {name} file ({said}); write it again, or rename it") from error
    try:
        data = pa.concat_tables(tables)
    except pa.ArrowException as error:
        raise InputError(
            f"{files.where} have different columns or types ({on_one_line(error)}); write them alike"
        ) from error
    return from_arrow(files.name, files.where, name, data, _features(data.schema))


def _features(schema: pa.Schema) -> Features | None:
    from datasets import Features

    return Features.from_arrow_schema(schema) if b"huggingface" in (schema.metadata or {}) else None


def _read_saved(files: Files) -> Table:
    from datasets import Dataset

    (folder,) = files.paths
    try:
        saved = Dataset.load_from_disk(str(folder))
        data = saved.with_format("arrow")[:]
    except Exception as error:
        raise InputError(
            f"{folder} is not a whole folder of save_to_disk ({on_one_line(error)}); save it again"
        ) from error
    return from_arrow(files.name, str(folder), "save_to_disk", data, saved.features)


def _refuse_binary(path: Path, content: bytes) -> None:
    if kind := binary(content):
        raise InputError(f"{path} looks like {kind}, not {format_of(path)}; rename or convert it")


_READERS: Mapping[str, Callable[[Files], Table]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
}
_FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".json": "JSON",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
}


def known(paths: Iterable[Path]) -> bool:
    """Whether any of the paths is a table by its name."""
    return any(path.suffix.lower() in _READERS for path in paths)
