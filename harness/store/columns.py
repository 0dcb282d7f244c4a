"""Values of records as columns of a DataFrame: records of any origin, so each value is checked, and kept or left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pandas._typing import Dtype

Row = Mapping[str, object]
"""A part of a row: column -> value."""


def table_of(rows: Sequence[Sequence[Row]], first: Iterable[str]) -> pd.DataFrame:
    """Rows as a DataFrame.

    Args:
        rows: each in parts, as many as all others. The columns of the first part of all rows come first, and so on.
        first: columns that are there even without rows.
    """
    columns = dict.fromkeys(name for parts in zip(*rows, strict=True) for part in parts for name in part)
    merged = [{name: value for part in row for name, value in part.items()} for row in rows]
    values = {name: [row.get(name) for row in merged] for name in columns or dict.fromkeys(first)}
    table = pd.DataFrame(dict(enumerate(map(_column, values.values()))))
    table.columns = pd.Index(_column(list(values)))
    return table


def _column(values: Sequence[object]) -> pd.Series:
    """Values as a column in which whole numbers and truth values stay what they are if some are missing."""
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    dtype: Dtype | None = "object"
    if values and not present:
        dtype = "float64"
    elif len(present) < len(values) and kinds in ({int}, {bool}):
        dtype = "Int64" if kinds == {int} else "boolean"
    elif kinds in ({int}, {float}, {bool}) or (kinds == {str} and all(map(_is_unicode, present))):
        dtype = None
    return pd.Series(values, dtype=dtype)


def _is_unicode(text: object) -> bool:
    """Whether pandas' ``str`` holds it, which takes no half of a surrogate pair."""
    try:
        str(text).encode()
    except UnicodeEncodeError:
        return False
    return True


def part_of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A nested table of a record; empty if there is none."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def texts_of(part: Mapping[str, object], *names: str) -> dict[str, object]:
    """These values as texts."""
    return {name: text_of(part.get(name)) for name in names}


def numbers_of(part: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    """Those values that are numbers."""
    return {prefix + name: number for name, value in part.items() if (number := number_of(value)) is not None}


def plain_values(part: Mapping[str, object], *names: str) -> dict[str, object]:
    """These values, see `plain_of`."""
    return {name: plain_of(part.get(name)) for name in names}


def flattened(part: Mapping[str, object]) -> dict[str, object]:
    """Values as they are, and pairs of numbers as text."""
    return {
        name: "-".join(map(str, value)) if isinstance(value, list | tuple) else plain_of(value)
        for name, value in part.items()
    }


def plain_of(value: object) -> object:
    """A text, number or truth value as it is; anything else as text."""
    whole = whole_of(value) is not None
    return value if value is None or whole or isinstance(value, str | bool | float) else str(value)


def text_of(value: object) -> str | None:
    """A value as text."""
    return None if value is None else str(value)


def number_of(value: object) -> float | None:
    """A number; ``None`` for anything else."""
    number = value if isinstance(value, float) else whole_of(value)
    return None if number is None else float(number)


def whole_of(value: object) -> int | None:
    """A whole number that an ``int64`` holds."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
