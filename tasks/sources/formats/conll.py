"""Named-entity data in local CoNLL files: one ``token<TAB>tag`` a line, an empty line between sentences.

Reads IOB2 (Ramshaw and Marcus, 1995, as used since CoNLL-2002) and recognises IOB1 (CoNLL-2003's original
files), which is converted. Columns may also be separated by blanks; the first is the token, the last the tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError
from tasks.sources.hub.copies import copied_notes
from tasks.sources.sentence import Sentence
from tasks.sources.splits import read_bytes, split_files
from tasks.task import Split

_TAG = re.compile(r"O|[BI]-\S+")


def files(folder: Path) -> dict[Split, Path]:
    """The three files of a local dataset.

    Raises:
        InputError: one is missing.
    """
    return split_files(folder, ".conll")


def load(folder: Path) -> tuple[dict[Split, list[Sentence]], tuple[str, ...]]:
    """Read the three splits of a folder.

    Returns:
        The sentences of each split, and a note for each thing that was converted.

    Raises:
        InputError: a file is missing, empty or malformed; or dev or test hold a type that train never has.
    """
    splits: dict[Split, list[Sentence]] = {}
    notes = copied_notes(folder)
    known: set[str] = set()
    for split, file in files(folder).items():
        rows = list(_rows(file))
        if not rows:
            raise InputError(f"{file} holds no sentence; it needs one token and tag a line")
        if split == "train":
            known = {tag[2:] for sentence in rows for _, _, tag in sentence if tag != "O"}
            if not known:
                raise InputError(f"{file} holds no entity: every tag is O, so there is nothing to learn")
        unknown = ((line, tag) for sentence in rows for line, _, tag in sentence if tag != "O" and tag[2:] not in known)
        if first := next(unknown, None):
            line, tag = first
            raise InputError(
                f"{file}:{line} has the type {tag[2:]!r}, which train.conll never has and no model could learn; "
                "rename it or map it to O"
            )
        splits[split], converted = _sentences(rows, file)
        if converted:
            notes.append(f"{file.name} is IOB1; {converted} tags were converted to IOB2")
    return splits, tuple(notes)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(read_bytes(file).removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            yield number, raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file}:{number} is not UTF-8 (byte {raw[error.start]:#04x}); convert the file, for example with iconv"
            ) from error


def _rows(file: Path) -> Iterator[list[tuple[int, str, str]]]:
    """The sentences of a file as (line number, token, tag)."""
    sentence: list[tuple[int, str, str]] = []
    width = 0
    for number, line in _lines(file):
        if not line.strip() or line.startswith("-DOCSTART-"):
            if sentence:
                yield sentence
            sentence = []
            continue
        columns = line.split("\t") if "\t" in line else line.split()
        width = width or len(columns)
        if len(columns) < 2 or len(columns) != width:
            expected = f"{width} as in the lines before" if width > 1 else "a token, a tab and a tag"
            raise InputError(f"{file}:{number} has {len(columns)} column(s) instead of {expected}")
        token, tag = columns[0].strip(), columns[-1].strip()
        if not _TAG.fullmatch(tag):
            raise InputError(f"{file}:{number} has the tag {tag!r}, which is not O, B-TYPE or I-TYPE")
        sentence.append((number, token, tag))
    if sentence:
        yield sentence


def _sentences(rows: list[list[tuple[int, str, str]]], file: Path) -> tuple[list[Sentence], int]:
    """Sentences with IOB2 tags, and how many tags had to be converted from IOB1.

    In IOB1 an entity begins with ``I-`` unless it touches another of its type. A file that begins some
    entities with ``I-`` and others, where IOB1 would not, with ``B-`` is neither scheme.
    """
    begun_with_i: int | None = None
    begun_with_b: int | None = None
    converted = 0
    sentences = []
    for sentence in rows:
        tags = []
        previous = "O"
        for line, _, tag in sentence:
            continues = previous != "O" and previous[2:] == tag[2:]
            if tag.startswith("I-") and not continues:
                begun_with_i = begun_with_i or line
                converted += 1
                tags.append("B-" + tag[2:])
            else:
                if tag.startswith("B-") and not continues:
                    begun_with_b = begun_with_b or line
                tags.append(tag)
            previous = tag
        sentences.append(
            Sentence(tuple(token for _, token, _ in sentence), tuple(tags), f"{file.name}:{sentence[0][0]}")
        )
    if begun_with_i and begun_with_b:
        raise InputError(
            f"{file}:{begun_with_i} begins an entity with I- while line {begun_with_b} begins one with B-: the file is "
            "neither IOB2 nor IOB1; make the first tag of every entity B-"
        )
    return sentences, converted
