"""Minimal pairs in BLiMP's format (Warstadt et al., 2020): a file of JSON lines a paradigm, or rows of the hub.

An object has ``sentence_good`` and ``sentence_bad``; ``UID`` (the paradigm), ``field`` and ``linguistics_term`` may be in it
too. A paradigm is named by its file where the rows do not name it, and ``paradigms.tsv`` may say field and term of each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.errors import InputError
from tasks.data import DatasetInfo
from tasks.sources.formats.lines import json_lines, numbered_lines, shown, text_defect
from tasks.sources.formats.reading import Reading
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.minimal_pair import MinimalPair
from tasks.sources.splits import read_bytes

PARADIGMS = "paradigms.tsv"
_NAME = re.compile(r"[\w.+ -]{1,100}")
"""Of a paradigm: it is the name of a file and of a score."""

Kinds = Mapping[str, tuple[str, str]]
"""Field and term of each paradigm."""


def files(folder: Path) -> list[Path]:
    """The files of a local dataset, by name.

    Raises:
        InputError: there is none.
    """
    found = sorted(file for file in folder.glob("*.jsonl") if file.is_file())
    if not found:
        raise InputError(f"{folder} holds no *.jsonl; put minimal pairs there, one file a paradigm")
    return found


def are_in(folder: Path) -> bool:
    """Whether a folder holds minimal pairs, by the first line of its first file.

    Raises:
        InputError: the file cannot be read.
    """
    first = next((file for file in sorted(folder.glob("*.jsonl")) if file.is_file()), None)
    return first is not None and b'"sentence_good"' in next(numbered_lines(first), (0, b""))[1]


def identity(folder: Path) -> str:
    """sha256 (hex) over the names and bytes of the files that decide the pairs.

    Raises:
        InputError: there is none, or one cannot be read.
    """
    digest = hashlib.sha256()
    kinds = folder / PARADIGMS
    for file in [*files(folder), *([kinds] if kinds.is_file() else [])]:
        digest.update(f"{file.name} {hashlib.sha256(read_bytes(file)).hexdigest()}\n".encode())
    return digest.hexdigest()


def load(folder: Path, skip_bad: bool = False) -> Reading[MinimalPair]:
    """Read the pairs of a folder, paradigm by paradigm; all of them are test.

    Args:
        folder: holds ``*.jsonl`` and perhaps ``paradigms.tsv``.
        skip_bad: leave out malformed lines and count them.

    Raises:
        InputError: there is no file or no pair, or a line is malformed (file and line are named).
    """
    reading: Reading[MinimalPair] = Reading(skip_bad, notes=copied_notes(folder))
    kinds = _kinds(folder / PARADIGMS)
    for file in files(folder):
        reading.take("test", _lines(file, kinds), str(file), file.name, "lines")
        _collect(reading)
    return _finished(reading)


def load_hub(info: DatasetInfo, skip_bad: bool = False, root: str | None = None) -> Reading[MinimalPair]:
    """Read a declared hub dataset, whose rows name their paradigm.

    Args:
        info: declares ``files`` of the split ``test``.
        skip_bad: leave out malformed rows and count them.
        root: a local copy of the repository, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, or a row is malformed.
    """
    revision = info.revision or "local" if root else hub.resolve_revision(info)
    reading: Reading[MinimalPair] = Reading(skip_bad, revision=revision)
    rows = hub.load_rows(info, revision, root)["test"]
    found = (
        _named(f"row {number} of {info.hub_id} ", _pair(row, "", {}, f"{number}")) for number, row in enumerate(rows)
    )
    reading.take("test", found, str(info.hub_id), "test", "rows")
    _collect(reading)
    return _finished(reading)


def _collect(reading: Reading[MinimalPair]) -> None:
    """Put what was taken as test behind what was taken before."""
    reading.splits.setdefault("train", []).extend(reading.splits.pop("test"))


def _finished(reading: Reading[MinimalPair]) -> Reading[MinimalPair]:
    """All pairs as test, by paradigm in the order of their names, so that every source has the same order."""
    if same := sum(pair.good == pair.bad for pair in reading.splits["train"]):
        reading.notes.append(
            f"{same} pairs have the same sentence as good and as bad, which counts as wrong for every model"
        )
    reading.splits = {
        "train": [],
        "dev": [],
        "test": sorted(reading.splits["train"], key=lambda pair: pair.paradigm),
    }
    return reading


def _lines(file: Path, kinds: Kinds) -> Iterator[MinimalPair | str]:
    for number, row in json_lines(file):
        found = row if isinstance(row, str) else _pair(row, file.stem, kinds, f"{file.stem}:{number}")
        yield _named(f"{file}:{number} ", found)


def _named(where: str, found: MinimalPair | str) -> MinimalPair | str:
    return f"{where}{found}" if isinstance(found, str) else found


def _pair(row: Mapping[str, object], paradigm: str, kinds: Kinds, id: str) -> MinimalPair | str:
    """The pair of a row, or what is wrong with it."""
    for column in ("sentence_good", "sentence_bad"):
        if column not in row:
            return f"has no {column!r}"
        if defect := text_defect(row[column], column):
            return defect
    good, bad = str(row["sentence_good"]), str(row["sentence_bad"])
    name = str(row.get("UID") or paradigm)
    if not _NAME.fullmatch(name):
        return f"names its paradigm {shown(name)} in 'UID', which takes letters, digits and . + - _"
    field, term = kinds.get(name, ("", ""))
    field, term = str(row.get("field") or field), str(row.get("linguistics_term") or term)
    return MinimalPair(good, bad, name, field.replace("/", "_"), term, id)


def _kinds(file: Path) -> Kinds:
    """Field and term of each paradigm, from a table with a header.

    Raises:
        InputError: it lacks a column, or a row is too short.
    """
    if not file.is_file():
        return {}
    rows = [(number, raw.decode("utf-8", "replace").split("\t")) for number, raw in numbered_lines(file)]
    head = rows[0][1] if rows else []
    if missing := [name for name in ("UID", "field", "linguistics_term") if name not in head]:
        raise InputError(f"{file} has no column {missing[0]!r}; give it the columns UID, field and linguistics_term")
    places = [head.index(name) for name in ("UID", "field", "linguistics_term")]
    found = {}
    for number, row in rows[1:]:
        if len(row) <= max(places):
            raise InputError(f"{file}:{number} has {len(row)} columns, the header {len(head)}; separate them by tabs")
        name, field, term = (row[place] for place in places)
        found[name] = (field, term)
    return found


def written(pairs: Iterable[MinimalPair]) -> dict[str, list[dict[str, str]]]:
    """The rows of each paradigm, such that reading them gives the same pairs."""
    found: dict[str, list[dict[str, str]]] = {}
    for pair in pairs:
        kinds = {"field": pair.field, "linguistics_term": pair.term}
        row = {"sentence_good": pair.good, "sentence_bad": pair.bad, "UID": pair.paradigm}
        found.setdefault(pair.paradigm, []).append(row | {name: value for name, value in kinds.items() if value})
    return found
