"""Labelled texts and pairs of texts from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import InputError
from harness.registry import suggestion
from tasks.data import Split
from tasks.sources.formats import jsonl
from tasks.sources.formats.lines import is_unicode, shown, text_defect
from tasks.sources.formats.reading import LONGEST_LABEL, Reading
from tasks.sources.labelled_text import LabelledText
from tasks.sources.tables.roles import Roles, class_names
from tasks.sources.tables.splits import choose, take_splits
from tasks.sources.tables.table import Table

OPTIONS = ("text", "pair", "label", "labels")


@dataclass(frozen=True)
class Columns:
    """The columns of a dataset: a text, perhaps the second text of a pair, a label, and the names of its ids if known."""

    text: str
    pair: str | None
    label: str
    names: tuple[str, ...]


def load(
    tables: Mapping[str, Table], skip_bad: bool, options: Mapping[str, str], pairs: bool, *, without_train: bool = False
) -> Reading[LabelledText]:
    """Read all splits.

    Args:
        tables: by published name.
        skip_bad: leave out malformed rows and count them.
        options: of the task, see `OPTIONS` and `tasks.sources.tables.roles.SPLIT_OPTIONS`.
        pairs: whether one text alone is refused.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a column or a split cannot be found, a row is malformed, train has one label only, or dev or test have a
            label that train never has.
    """
    chosen = choose(tables, options, next(iter(tables.values())).where)
    where = tables[chosen["train"]].where if "train" in chosen else ""
    reading: Reading[LabelledText] = Reading(skip_bad)

    def read(table: Table, split: Split) -> Iterator[LabelledText | str | None]:
        columns = find_columns(table, options, pairs)
        if split == "train" or "train" not in chosen:
            reading.labels = columns.names
        elif not reading.labels:
            reading.labels = _labels(reading, where)
        return _examples(table, columns, () if split == "train" else reading.labels)

    take_splits(tables, reading, read, jsonl.RULE, chosen, without_train)
    reading.labels = reading.labels or _labels(reading, where)
    return reading


def find_columns(table: Table, options: Mapping[str, str], pairs: bool) -> Columns:
    """The columns of a table.

    Raises:
        InputError: one cannot be found.
    """
    roles = Roles(table, options)
    label = roles.given("label") or roles.find("label") or roles.only("label") or roles.refuse("label")
    text, *pair = find_texts(roles, (label,))
    if pairs and not pair:
        roles.refuse("pair")
    return Columns(text, pair[0] if pair else None, label, class_names(table, label, options))


def find_texts(roles: Roles, taken: Sequence[str]) -> tuple[str, ...]:
    """The column of the text, or those of a pair of texts.

    Args:
        roles: of the table.
        taken: columns of the target, which are no texts.

    Raises:
        InputError: none can be found.
    """
    text, pair = roles.given("text"), roles.given("pair")
    if not text and not pair and (both := roles.pair()):
        return both
    text = text or roles.single() or roles.only("text", (*taken, pair)) or roles.refuse("text")
    return (text, pair) if pair else (text,)


def texts_of(row: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...] | str:
    """The texts of a row, or what is wrong with them, as the end of a sentence."""
    texts = []
    for column in columns:
        value = row.get(column)
        if defect := text_defect(value, column):
            return defect
        texts.append(str(value))
    return tuple(texts)


def _labels(reading: Reading[LabelledText], where: str) -> tuple[str, ...]:
    """The labels of train, sorted; without train, of the other splits."""
    if "train" not in reading.splits:
        return jsonl.names_of(reading)
    labels = sorted({example.label for example in reading.splits["train"]})
    if len(labels) < 2:
        raise InputError(f"every label of {where} is {labels[0]!r}, so there is nothing to learn")
    return tuple(labels)


def _examples(table: Table, columns: Columns, known: tuple[str, ...]) -> Iterator[LabelledText | str | None]:
    wanted = [columns.text, *([columns.pair] if columns.pair else []), columns.label]
    for number, (at, row) in enumerate(table.rows(wanted)):
        example = row if isinstance(row, str) else _example(row, columns, f"{table.name}:{number}")
        if isinstance(example, str):
            yield f"{at} {example}"
        elif example and known and example.label not in known:
            yield f"{at} has the label {example.label!r}, which train never has{suggestion(example.label, known)}"
        else:
            yield example


def _example(row: Mapping[str, object], columns: Columns, name: str) -> LabelledText | str | None:
    texts = texts_of(row, [columns.text, *([columns.pair] if columns.pair else [])])
    if isinstance(texts, str):
        return texts
    label = _label(row.get(columns.label), columns)
    if label is None or label.problem:
        return label.problem if label else None
    return LabelledText(texts[0], texts[1] if len(texts) == 2 else None, label.name, name)


@dataclass(frozen=True)
class _Label:
    """The name of a label, or what is wrong with it."""

    name: str = ""
    problem: str = ""


def _label(value: object, columns: Columns) -> _Label | None:
    """``None`` if there is no gold label."""
    if isinstance(value, float) and value == value and value.is_integer():
        value = int(value)  # pandas writes a column of whole numbers with a gap as floats
    if value != value or jsonl.is_unlabelled(value):
        return None
    if not isinstance(value, str | int):
        return _Label(
            problem=f"has the label {shown(value)} in {columns.label!r}, which is neither text nor a whole number"
        )
    name = str(value).strip() if isinstance(value, str) else str(value)
    if columns.names and name not in columns.names:
        if not name.isdecimal() or int(name) >= len(columns.names):
            return _Label(problem=f"has the label {name!r}, and the labels are {', '.join(columns.names)}")
        name = columns.names[int(name)]
    if len(name) > LONGEST_LABEL:
        return _Label(
            problem=f"has a label of {len(name):,} characters, {shown(name)}; at most {LONGEST_LABEL} are read as one"
        )
    return _Label(name) if is_unicode(name) else _Label(problem="has a label with half a surrogate pair")
