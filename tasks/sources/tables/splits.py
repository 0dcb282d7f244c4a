"""The train, dev and test split among published ones, with what the benchmark does not publish cut from train."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from harness.errors import InputError
from harness.registry import closest, did_you_mean
from tasks.data import SPLITS, Split
from tasks.sources.formats.reading import Reading, Rule
from tasks.sources.splits import name_of_split
from tasks.sources.tables.roles import SPLIT_OPTIONS
from tasks.sources.tables.table import Table
from tasks.task import DECLARED

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def choose(names: Iterable[str], options: Mapping[str, str], where: str) -> dict[Split, str]:
    """The published name of each split that there is.

    Args:
        names: of the published splits.
        options: of the task; `SPLIT_OPTIONS` name splits.
        where: a folder or hub id, for messages.

    Raises:
        InputError: a split that the user named does not exist, or two exactly fit one split.
    """
    names = sorted(names)
    given = {split: name for split in SPLITS if (name := options.get(SPLIT_OPTIONS[split], DECLARED)) != DECLARED}
    if unknown := [name for name in given.values() if name not in names]:
        hint = did_you_mean(close) if (close := closest(unknown[0], names)) else f"; there are: {', '.join(names)}"
        raise InputError(f"{where} has no split {unknown[0]!r}{hint}")
    if len(set(given.values())) < len(given):
        raise InputError(f"one split of {where} was named twice; name another, or leave one option out")
    left = [name for name in names if name not in given.values()]
    chosen = {split: given.get(split) or name_of_split(left, split, where) for split in SPLITS}
    return {split: name for split, name in chosen.items() if name}


def take_splits(
    tables: Mapping[str, Table],
    reading: Reading[T],
    read: Callable[[Table, Split], Iterable[T | str | None]],
    rule: Rule,
    chosen: Mapping[Split, str],
    without_train: bool = False,
) -> None:
    """Read all splits into a reading; train is read first.

    Args:
        tables: by published name.
        reading: gets examples and notes.
        read: the examples of a table; a text in place of a malformed one, ``None`` in place of one without a gold label.
        rule: how missing splits are cut from train.
        chosen: see `choose`.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: there is no train split, or a row is malformed.
    """
    if "train" not in chosen and not (without_train and chosen):
        raise InputError(
            f"there is no train split among {', '.join(sorted(tables)) or 'no file at all'}; name one with "
            "--task-option train_split=NAME"
        )
    for split in SPLITS:
        if split in chosen:
            _take(tables[chosen[split]], split, reading, read)
    if unused := sorted(tables.keys() - set(chosen.values())):
        reading.notes.append(f"not read: {', '.join(unused)}")
    reading.complete(rule, chosen)


def _take(
    table: Table, split: Split, reading: Reading[T], read: Callable[[Table, Split], Iterable[T | str | None]]
) -> None:
    if not table.size:
        raise InputError(f"{table.where} holds no example")
    if not table.columns:  # no row is well-formed
        reading.take(split, [f"{at} {defect}" for at, defect in table.rows(())], table.where, table.name, "rows")
    every = list(read(table, split))
    labelled = [one for one in every if one is not None]
    if every and not labelled:
        if split == "train":
            raise InputError(f"{table.where} has no gold labels, so there is nothing to learn from")
        reading.notes.append(
            f"{table.name} has no gold labels (-1, '-', empty or null), so it is not read as the {split} split"
        )
        return
    if dropped := len(every) - len(labelled):
        reading.notes.append(f"{dropped} rows of {table.name} without a gold label were dropped")
    reading.take(split, labelled, table.where, table.name, "rows")
