"""One split of a dataset as a table: rows with their places, whatever the file or repository they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.json_file import JsonObject

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

Placed = tuple[str, JsonObject | str]
"""A place for messages, and the row there, or a description of the defect there, such as ``is not JSON``."""


@dataclass(frozen=True)
class Column:
    """What is known of a column without reading it all.

    Attributes:
        kind: of its values, in words: ``text``, ``number``, ``list of text``, ``label`` (a ClassLabel), ...
        names: of the ids of a ClassLabel, or of a list of them, in order; empty for any other column.
    """

    kind: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One split.

    Attributes:
        name: as published, such as ``validation``.
        where: a file or a hub id with the split, for messages.
        format: of the files, for people.
        columns: by name.
        size: number of rows, including malformed ones.
        rows: reads the values of some columns; an id of a ClassLabel becomes its name, and -1 becomes ``None``.
    """

    name: str
    where: str
    format: str
    columns: Mapping[str, Column]
    size: int
    rows: Callable[[Sequence[str]], Iterable[Placed]]


def from_rows(name: str, where: str, format_: str, rows: Sequence[Placed], header: Iterable[str] = ()) -> Table:
    """A table of rows that were read from text, whose columns are those of the header and of any row."""
    columns = dict.fromkeys(header, Column("nothing"))
    for _, row in rows:
        for column, value in row.items() if isinstance(row, dict) else ():
            if column not in columns or columns[column].kind == "nothing":
                columns[column] = Column(_kind(value))
    return Table(name, where, format_, columns, len(rows), lambda _: rows)


def from_arrow(name: str, where: str, format_: str, data: pa.Table, features: Features | None) -> Table:
    """A table of Arrow's.

    Args:
        name, where, format_: see `Table`.
        data: the rows.
        features: the columns' types by `datasets`, if they are known: only these have the names of label ids.
    """
    named = label_names(features or {})
    columns = {
        field.name: Column("label", named[field.name]) if field.name in named else Column(_arrow_kind(field.type))
        for field in data.schema
    }

    def rows(wanted: Sequence[str]) -> Iterator[Placed]:
        number = 0
        for batch in data.select([column for column in wanted if column in columns]).to_batches():
            for row in batch.to_pylist():
                number += 1
                yield f"row {number} of {where}", {key: _named(value, columns[key].names) for key, value in row.items()}

    return Table(name, where, format_, columns, data.num_rows, rows)


def label_names(features: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The names of the label ids of every column that is a ClassLabel or a list of them."""
    from datasets import ClassLabel

    found: dict[str, tuple[str, ...]] = {}
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, ClassLabel) and inner.names:
            found[column] = tuple(inner.names)
    return found


def _named(value: object, names: tuple[str, ...]) -> object:
    if not names or value is None:
        return value
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def _kind(value: object) -> str:
    if isinstance(value, list):
        inner = next((one for one in value if one is not None), None)
        return f"list of {_kind(inner)}"
    for type_, word in ((bool, "yes or no"), (str, "text"), (int | float, "number"), (dict, "object")):
        if isinstance(value, type_):
            return word
    return "nothing" if value is None else "other"


def _arrow_kind(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _arrow_kind(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_arrow_kind(kind.value_type)}"
    tests = {
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        "number": (pa.types.is_integer, pa.types.is_floating),
        "yes or no": (pa.types.is_boolean,),
        "object": (pa.types.is_struct,),
        "nothing": (pa.types.is_null,),
    }
    return next((word for word, are in tests.items() if any(test(kind) for test in are)), "other")
