"""Columns of CoNLL files: which lines are tokens, and which columns are token and tag.

A line is divided at tabs, or at blanks if it has no tab; a no-break or ideographic space is part of its token. Empty lines and
``-DOCSTART-`` end a sentence. A line that begins with ``#`` and a blank, before the first token of a sentence, is a comment
unless it has the columns of a token.

The first column is the token and the last the tag, unless the first column numbers the tokens: it counts up by one, from any
number, in at least half of the sentences with several tokens. Then the second column is the token, and the tag is in

- the last column, as in ``number, token, tag``;
- the third of four if the fourth holds tags of the same types, or no tags at all: in GermEval 2014 (Benikova et al.,
  2014) that is the inner layer of nested entities;
- the only column of tags, as in Universal NER (``number, token, tag, -, annotator``);
- the key ``NER``, ``NE`` or ``name`` of the tenth column of CoNLL-U.

The second and third rule look at all files of a dataset with the same layout together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError
from tasks.data import Split
from tasks.sources.splits import read_bytes
from tasks.sources.tag_schemes import TAG

CONLL_U = 10
"""Columns of CoNLL-U; the last are keys and values."""

_COMMENT = re.compile(r"#([ \t]|$|begin document|end document)")
_NUMBER = re.compile(r"[0-9]{1,9}")
_NO_WORD = re.compile(r"[0-9]{1,9}[-.][0-9]{1,9}")
"""The number of a multiword token (``1-2``) or of an empty node (``1.1``) of CoNLL-U."""
_KEY = re.compile(r"(?:^|\|)(?:NER|NE|name)=([^|]*)")


class Row(NamedTuple):
    """One token: its line, its text, and its tag in the file's own scheme."""

    line: int
    token: str
    tag: str


class _Line(NamedTuple):
    number: int
    columns: Sequence[str]


@dataclass(frozen=True)
class _Table:
    """The tokens of one file, in sentences."""

    file: Path
    sentences: list[list[_Line]] = field(default_factory=list)
    width: int = 0
    n_comments: int = 0

    @property
    def numbered(self) -> bool:
        return _counts_up(self.sentences)


def read_rows(files: Mapping[Split, Path]) -> tuple[dict[Split, list[list[Row]]], list[str]]:
    """The sentences of all files of a dataset, and a note for each kind of line that was left out.

    Raises:
        InputError: a file cannot be read or holds no sentence, or a line has other columns than the rest, no token, no tag,
            or a number that does not count up; file and line are named.
    """
    tables = {split: _table(file) for split, file in files.items()}
    numbered = {split: table.numbered for split, table in tables.items()}
    layouts: dict[tuple[bool, int], list[_Table]] = {}
    for split, table in tables.items():
        layouts.setdefault((numbered[split], table.width), []).append(table)
    notes: list[str] = []
    rows: dict[Split, list[list[Row]]] = {}
    for split, table in tables.items():
        if table.n_comments:
            notes.append(f"{table.n_comments} comment lines of {table.file.name} were skipped")
        if numbered[split]:
            rows[split] = _numbered_rows(table, layouts[True, table.width], notes)
        else:
            rows[split] = [[_row(table, line, 0, -1) for line in sentence] for sentence in table.sentences]
    return rows, notes


def numbers_tokens(file: Path) -> bool:
    """Whether the first sentence of several tokens counts them in its first column.

    Raises:
        InputError: the file cannot be read.
    """
    sentence: list[_Line] = []
    for number, line in _lines(file):
        if _is_boundary(line):
            if len(_words(sentence)) > 1:
                break
            sentence = []
        elif not _COMMENT.match(line):
            sentence.append(_Line(number, _divided(line)))
    return _counts_up([sentence])


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    content = read_bytes(file).removeprefix(b"\xef\xbb\xbf")
    end = b"\n" if b"\n" in content else b"\r"  # the latter ends the lines of old editors
    for number, raw in enumerate(content.split(end), start=1):
        try:
            yield number, raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file}:{number} is not UTF-8 (byte {raw[error.start]:#04x}); convert the file, for example with iconv"
            ) from error


def _is_boundary(line: str) -> bool:
    return not line.strip() or line.startswith("-DOCSTART-")


def _divided(line: str) -> list[str]:
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def _table(file: Path) -> _Table:
    lines = list(_lines(file))
    tokens = [line for _, line in lines if not _is_boundary(line)]
    model = next((line for line in tokens if not _COMMENT.match(line)), tokens[0] if tokens else "")
    width, tabs = len(_divided(model)), "\t" in model
    sentences: list[list[_Line]] = [[]]
    n_comments = 0
    for number, line in lines:
        if _is_boundary(line):
            sentences.append([])
            continue
        columns = _divided(line)
        fits = len(columns) == width
        if not sentences[-1] and _COMMENT.match(line) and not (fits and _like_a_token(line, columns, tabs)):
            n_comments += 1
            continue
        if width < 2 or not fits:
            expected = f"{width} as in the lines before" if width > 1 else "a token, a tab and a tag"
            raise InputError(f"{file}:{number} has {len(columns)} column(s) instead of {expected}")
        sentences[-1].append(_Line(number, columns))
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise InputError(f"{file} holds no sentence; it needs one token and tag per line")
    return _Table(file, sentences, width, n_comments)


def _like_a_token(line: str, columns: Sequence[str], tabs: bool) -> bool:
    """Whether a line that begins with ``#`` and has as many columns as the others is a token."""
    return (line.startswith("#\t") or bool(TAG.fullmatch(columns[-1]))) and ("\t" in line or not tabs)


def _words(sentence: Sequence[_Line]) -> list[_Line]:
    """The lines without the multiword tokens and empty nodes of CoNLL-U."""
    return [line for line in sentence if not _NO_WORD.fullmatch(line.columns[0])]


def _follows(before: _Line, after: _Line) -> bool:
    first, second = before.columns[0], after.columns[0]
    return bool(_NUMBER.fullmatch(first) and _NUMBER.fullmatch(second)) and int(first) + 1 == int(second)


def _counts_up(sentences: Sequence[Sequence[_Line]]) -> bool:
    """Whether the first column numbers the tokens, see the docstring of this module."""
    several = [words for sentence in sentences if len(words := _words(sentence)) > 1]
    counted = sum(all(_follows(*pair) for pair in pairwise(words)) for words in several)
    return bool(several) and 2 * counted >= len(several)


def _numbered_rows(table: _Table, like: Sequence[_Table], notes: list[str]) -> list[list[Row]]:
    """The rows of a file that numbers its tokens.

    Args:
        table: the file.
        like: all files of its layout, which together decide the column of the tags.
        notes: gets a note on lines that were left out.
    """
    _check_numbers(table)
    name = table.file.name
    column = _tag_column(like)
    rows = []
    n_others = 0
    for sentence in table.sentences:
        words = _words(sentence)
        n_others += len(sentence) - len(words)
        if words and words[0].columns[1] != "-DOCSTART-":
            rows.append([_row(table, line, 1, column) for line in words])
    note = f"the first column of {name} numbers the tokens, so the second was read as the token ({sum(map(len, rows))} lines)"
    if column is None:
        note += ", and the tag from the key NER, NE or name of the last"
    elif column != table.width - 1:
        note += f", column {column + 1} of {table.width} as the tag"
    notes.append(note)
    if n_others:
        notes.append(f"{n_others} lines of {name} that are multiword tokens (1-2) or empty nodes (1.1) were skipped")
    return rows


def _check_numbers(table: _Table) -> None:
    """Refuse a file that numbers its tokens and miscounts.

    Raises:
        InputError: it does; or there is no column for the tokens.
    """
    for sentence in table.sentences:
        words = _words(sentence)
        wrong = next((after for before, after in pairwise(words) if not _follows(before, after)), None)
        if len(words) == 1 and not _NUMBER.fullmatch(words[0].columns[0]):
            wrong = words[0]
        if wrong:
            raise InputError(
                f"{table.file}:{wrong.number} begins with {wrong.columns[0]!r}, but the first column of the file numbers the "
                "tokens of a sentence; number them all, or leave that column out"
            )
    if table.width < 3:
        line = table.sentences[0][0].number
        raise InputError(
            f"{table.file}:{line} has a number and a tag, but no token: the first column of the file counts 1, 2, 3; "
            "put the token between them"
        )


def _tag_column(tables: Sequence[_Table]) -> int | None:
    """The index of the column of tags, ``None`` for the keys of CoNLL-U; the last column if none holds only tags.

    Raises:
        InputError: several columns hold tags, but not the last one.
    """
    width = tables[0].width
    words = [line.columns for table in tables for sentence in table.sentences for line in _words(sentence)]
    columns = [place for place in range(2, width) if all(TAG.fullmatch(columns[place]) for columns in words)]
    if width == 4 and columns == [2, 3]:
        outer, inner = ({columns[place][2:] for columns in words} - {""} for place in columns)
        return 2 if outer & inner or not inner else 3
    if not columns and width == CONLL_U and any(_KEY.search(columns[-1]) for columns in words):
        return None
    if not columns or columns[-1] == width - 1:
        return width - 1
    if len(columns) > 1:
        numbers = " and ".join(str(place + 1) for place in columns)
        raise InputError(f"{tables[0].file} has tags in its columns {numbers}; leave one of them, as the last column")
    return columns[0]


def _row(table: _Table, line: _Line, token: int, tag: int | None) -> Row:
    if tag is None:
        found = _KEY.search(line.columns[-1])
        text = found[1] if found else "O"
    else:
        text = line.columns[tag]
    if not line.columns[token]:
        raise InputError(
            f"{table.file}:{line.number} has no token before the tag {text!r}; put it there, or leave the line out"
        )
    if not TAG.fullmatch(text):
        raise InputError(
            f"{table.file}:{line.number} has the tag {text!r}, which is not O, B-TYPE or I-TYPE, nor a letter of BIOES, "
            "BILOU or BMES and a type"
        )
    return Row(line.number, line.columns[token], text)
