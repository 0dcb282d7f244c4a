"""Sentences with a tag per word from tables: lists of words and tags, or one word a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from tasks.sources.columns import Row
from tasks.sources.formats.conll import to_sentences
from tasks.sources.formats.lines import shown
from tasks.sources.formats.lists import listed
from tasks.sources.formats.reading import Reading, Rule
from tasks.sources.sentence import Sentence
from tasks.sources.tables.roles import Roles, class_names, name_of
from tasks.sources.tables.splits import choose, take_splits
from tasks.sources.tables.table import Placed, Table
from tasks.sources.tag_schemes import TAG

OPTIONS = ("tokens", "tags", "labels")
RULE = Rule(lambda sentence: sentence.tokens, "sentence")
SENTENCES = ("sentence #", "sentence_id", "sentence_idx", "sentence", "sent_id")
"""Usual names of the column that says which sentence a word is in, if every row is one word; lower case."""
_LINE = re.compile(r"(?::|row |entry )(\d+)(?: of .*)?$")


def load(
    tables: Mapping[str, Table],
    options: Mapping[str, str],
    skip_bad: bool,
    strict_tags: bool = False,
    *,
    without_train: bool = False,
) -> Reading[Sentence]:
    """Read all splits; the tags may follow any scheme of `tasks.sources.tag_schemes`, or be types alone.

    Args:
        tables: by published name.
        options: of the task, see `OPTIONS` and `tasks.sources.tables.roles.SPLIT_OPTIONS`.
        skip_bad: leave out malformed rows and count them.
        strict_tags: refuse tags that violate the scheme of their split.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a column or a split cannot be found, a row is malformed, or dev or test hold a type that train never has.
    """
    chosen = choose(tables, options, next(iter(tables.values())).where)
    reading: Reading[Sentence] = Reading(skip_bad)
    take_splits(tables, reading, lambda table, _: _sentences(table, options), RULE, chosen, without_train)
    tags = {tag for sentences in reading.splits.values() for one in sentences for tag in one.tags} - {"O"}
    bare = bool(tags) and not any(TAG.fullmatch(tag) for tag in tags)
    if bare:
        reading.notes.append("the tags are types without B- or I-, so neighbours of one type were read as one entity")
    rows = {split: [list(_rows(one, bare)) for one in sentences] for split, sentences in reading.splits.items()}
    places = {split: Path(tables[chosen.get(split) or next(iter(chosen.values()))].where) for split in rows}
    reading.splits, notes = to_sentences(rows, places, strict_tags)
    reading.notes += notes
    return reading


def _rows(sentence: Sentence, bare: bool) -> Iterator[Row]:
    line = _LINE.search(sentence.id)
    for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
        tag = f"I-{'_'.join(tag.split())}" if bare and tag != "O" else tag
        if not TAG.fullmatch(tag):
            raise InputError(
                f"{sentence.id} has the tag {tag!r}, which is not O, B-TYPE or I-TYPE, nor a letter of BIOES, BILOU or BMES and "
                "a type"
            )
        yield Row(int(line[1]) if line else 0, token, tag)


def _sentences(table: Table, options: Mapping[str, str]) -> Iterator[Sentence | str | None]:
    """Every sentence, with its tags as they are; ``None`` if its tags are hidden."""
    roles = Roles(table, options)
    tokens = roles.need("tokens", "word")
    tags = (
        roles.given("tags")
        or roles.find("tags")
        or _listed_labels(table)
        or roles.find("tags", "tag")
        or roles.need("tags")
    )
    names = class_names(table, tags, options)
    per_word = roles.find("", *SENTENCES) if table.columns[tokens].kind == "text" else None
    wanted = [tokens, tags, *([per_word] if per_word else [])]
    rows: Iterable[Placed] = table.rows(wanted)
    if per_word:
        rows = _joined(rows, (per_word, tokens, tags))
    for at, row in rows:
        one = row if isinstance(row, str) else _sentence(row, (tokens, tags), names, at)
        if isinstance(one, str):
            yield f"{at} {one}"
        elif one is None or one.tokens:
            yield one


def _listed_labels(table: Table) -> str | None:
    """The only column of lists of label ids with names."""
    found = [name for name, column in table.columns.items() if column.names]
    return found[0] if len(found) == 1 else None


def _sentence(
    row: Mapping[str, object], columns: tuple[str, str], names: Sequence[str], at: str
) -> Sentence | str | None:
    tokens, tags = (listed(row.get(column)) for column in columns)
    if tokens is None or tags is None:
        column = columns[0] if tokens is None else columns[1]
        return f"has no list in {column!r} but {shown(row.get(column))}"
    if len(tokens) != len(tags):
        return f"has {len(tokens)} tokens in {columns[0]!r} and {len(tags)} tags in {columns[1]!r}"
    if tokens and all(tag in (None, -1, "-1") for tag in tags):
        return None
    if wrong := [one for one in tokens if not isinstance(one, str) or not one]:
        return f"has the token {shown(wrong[0])} in {columns[0]!r}, which is not a word"
    read = []
    for word, tag in zip(tokens, tags, strict=True):
        if tag is None:
            return f"has no tag in {columns[1]!r} for the word {shown(word)}"
        name = name_of(tag, names)
        if not isinstance(name, str) or (name.isdecimal() and not names):
            return (
                f"has the tag {shown(tag)} in {columns[1]!r}, a number without a name; name all in order with "
                "--task-option labels=O,B-PER,..."
            )
        read.append(name)
    return Sentence(tuple(map(str, tokens)), tuple(read), at)


def _joined(rows: Iterable[Placed], columns: tuple[str, str, str]) -> Iterator[Placed]:
    """Sentences of rows of one word each; the number of a sentence may stand at its first word only."""
    key, tokens, tags = columns
    at, number, words = "", None, list[Mapping[str, object]]()

    def sentence() -> dict[str, object]:
        return {column: [word.get(column) for word in words] for column in (tokens, tags)}

    for place, row in rows:
        if isinstance(row, str):
            yield place, row
            continue
        this = row.get(key) if row.get(key) not in (None, "") else number
        if words and this != number:
            yield at, sentence()
            words = []
        if not words:
            at, number = place, this
        words.append(row)
    if words:
        yield at, sentence()
