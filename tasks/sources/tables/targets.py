"""Texts and pairs of texts with a score or with several labels, from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tasks.data import Split
from tasks.sources.formats import jsonl
from tasks.sources.formats.lines import shown
from tasks.sources.formats.lists import parted
from tasks.sources.formats.reading import Reading
from tasks.sources.formats.targets import Labels, Score, Target
from tasks.sources.tables.labelled import find_texts, texts_of
from tasks.sources.tables.roles import Roles, class_names, name_of
from tasks.sources.tables.splits import choose, take_splits
from tasks.sources.tables.table import Table
from tasks.sources.target_text import TargetT, TargetText

SCORE_OPTIONS = ("text", "pair", "score")
LABELS_OPTIONS = ("text", "pair", "label", "labels")
_YES, _NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")


class TargetColumns(Protocol[TargetT]):
    """The columns of a target."""

    @property
    def target(self) -> Target[TargetT]:
        """How it is read once it is written as in JSON lines."""
        ...

    def find(self, roles: Roles) -> tuple[str, ...]:
        """The columns, of which the first may have names of label ids.

        Raises:
            InputError: one cannot be found.
        """
        ...

    def read(self, row: Mapping[str, object], columns: tuple[str, ...], names: tuple[str, ...]) -> TargetT | str | None:
        """The target of a row, a sentence about its defect without its subject, or ``None`` if there is no gold target."""
        ...


@dataclass(frozen=True)
class ScoreColumn:
    """A column of scores; text that is a number counts as one, since every value of a CSV file is text."""

    target: Score

    def find(self, roles: Roles) -> tuple[str, ...]:
        """See `TargetColumns.find`."""
        return (roles.need("score"),)

    def read(self, row: Mapping[str, object], columns: tuple[str, ...], names: tuple[str, ...]) -> float | str | None:
        """See `TargetColumns.read`."""
        value = row.get(columns[0])
        if isinstance(value, str):
            with suppress(ValueError):  # what is no number is for the target to refuse
                value = float(value) if value.strip() else None
        return None if _is_missing(value) else self.target.read(value)


@dataclass(frozen=True)
class LabelColumns:
    """One column of lists of labels, or several columns, each of which says whether one label applies."""

    target: Labels

    def find(self, roles: Roles) -> tuple[str, ...]:
        """See `TargetColumns.find`."""
        return roles.several("label") or (roles.need("label"),)

    def read(
        self, row: Mapping[str, object], columns: tuple[str, ...], names: tuple[str, ...]
    ) -> tuple[str, ...] | str | None:
        """See `TargetColumns.read`."""
        if len(columns) > 1:
            return self._applying(row, columns)
        value = row.get(columns[0])
        if isinstance(value, str):
            value = parted(value)
        if _is_missing(value):
            return None
        return self.target.read([name_of(one, names) for one in value] if isinstance(value, list) else value)

    def _applying(self, row: Mapping[str, object], columns: tuple[str, ...]) -> tuple[str, ...] | str | None:
        """The columns whose value says yes."""
        if any(_is_missing(row.get(column)) or row.get(column) in ("", -1) for column in columns):
            return None
        written = {column: str(row[column]).strip().lower() for column in columns}
        if wrong := [column for column, value in written.items() if value not in (*_YES, *_NO)]:
            return f"has {shown(row[wrong[0]])} in {wrong[0]!r}, which says neither yes (1) nor no (0)"
        return self.target.read([column for column, value in written.items() if value in _YES])


def load(
    tables: Mapping[str, Table],
    skip_bad: bool,
    options: Mapping[str, str],
    columns: TargetColumns[TargetT],
    *,
    without_train: bool = False,
) -> Reading[TargetText[TargetT]]:
    """Read all splits.

    Args:
        tables: by published name.
        skip_bad: leave out malformed rows and count them.
        options: of the task, see `SCORE_OPTIONS`, `LABELS_OPTIONS` and `tasks.sources.tables.roles.SPLIT_OPTIONS`.
        columns: of the target.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a column or a split cannot be found, a row is malformed, or dev or test have a label that train never has.
    """
    chosen = choose(tables, options, next(iter(tables.values())).where)
    reading: Reading[TargetText[TargetT]] = Reading(skip_bad)

    def read(table: Table, split: Split) -> Iterator[TargetText[TargetT] | str | None]:
        if "train" in reading.splits and not reading.labels:
            reading.labels = columns.target.labels(one.target for one in reading.splits["train"])
        return _examples(table, options, columns, reading.labels)

    take_splits(tables, reading, read, jsonl.RULE, chosen, without_train)
    if not reading.labels:
        every = reading.splits.get("train") or [one for split in reading.splits.values() for one in split]
        reading.labels = columns.target.labels(one.target for one in every)
    return reading


def _examples(
    table: Table, options: Mapping[str, str], columns: TargetColumns[TargetT], known: tuple[str, ...]
) -> Iterator[TargetText[TargetT] | str | None]:
    roles = Roles(table, options)
    of_target: tuple[str, ...] = columns.find(roles)
    of_texts: tuple[str, ...] = find_texts(roles, of_target)
    names = class_names(table, of_target[0], options)
    for number, (at, row) in enumerate(table.rows([*of_texts, *of_target])):
        if isinstance(row, str):
            yield f"{at} {row}"
            continue
        texts, target = texts_of(row, of_texts), columns.read(row, of_target, names)
        if target is None:
            yield None
        elif isinstance(texts, str) or isinstance(target, str):
            yield f"{at} {texts if isinstance(texts, str) else target}"
        elif defect := columns.target.unknown(target, known) if known else "":
            yield f"{at} {defect}"
        else:
            yield TargetText(texts[0], texts[1] if len(texts) == 2 else None, target, f"{table.name}:{number}")


def _is_missing(value: object) -> bool:
    """Whether there is no value: null, or the NaN that pandas writes for it."""
    return value is None or value != value
