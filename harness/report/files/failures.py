"""Tables of cells that ended without a score: one by one, and by cause."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from harness.comparison.names import size_of
from harness.report.table import Column, Table, frame_of
from harness.store.record import FailureRecord

_NUMBER = re.compile(r"\b(?:0x)?\d[\w.,]*")


def table(records: Iterable[FailureRecord]) -> Table:
    """One row for each failed cell."""
    rows = (
        {
            "model": record["model"]["name"],
            "size": size_of(record["model"]),
            "dataset": record["task"]["dataset"],
            "learning_rate": (record.get("recipe") or {}).get("learning_rate"),
            "seed": record.get("seed"),
            "status": record["status"],
            "error": _error(record),
            "command": record.get("command"),
        }
        for record in records
    )
    names = ("model", "size", "dataset")
    numbers = (Column("learning_rate", number=True, head="lr"), Column("seed", number=True))
    return Table(frame_of(rows), (*(Column(name) for name in names), *numbers, Column("status"), Column("error")))


def by_cause(records: Iterable[FailureRecord]) -> Table:
    """One row for each cause: errors that differ in numbers alone are one cause. The most frequent comes first."""
    groups: dict[tuple[str, str], list[FailureRecord]] = defaultdict(list)
    for record in records:
        groups[record["status"], _NUMBER.sub("N", _error(record))].append(record)
    rows = [
        {
            "cells": len(group),
            "status": status,
            "error": _error(group[0]),
            "models": _few(f"{one['model']['name']} {one['model']['size']}" for one in group),
            "datasets": _few(one["task"]["dataset"] for one in group),
        }
        for (status, _), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    columns = (Column("error"), Column("status"), Column("cells", number=True), Column("models"), Column("datasets"))
    return Table(frame_of(rows), columns, "failed-by-cause", "Failed cells by cause")


def _few(names: Iterable[str]) -> str:
    """At most four different names."""
    found = sorted(set(names))
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def _error(record: FailureRecord) -> str:
    """The error of a failed cell as one text."""
    error: object = record.get("error")
    if isinstance(error, dict):
        return ": ".join(str(value) for value in error.values() if value)
    return str(error) if error else "no reason was recorded"
