"""The table of imported results, which are never compared with ours."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.table import Column, Table, frame_of
from harness.store.record import ImportedRecord


def table(records: Sequence[ImportedRecord]) -> Table | None:
    """Imported results, which are not comparable with ours; ``None`` if there are none."""
    rows = [
        {
            "model": record["model"]["name"],
            "dataset": _dataset(record),
            "protocol": str(record.get("protocol")),
            "metric": f"{metric} ({split})",
            "score": value,
            "whose": "not our protocol",
        }
        for record in sorted(records, key=lambda one: (one["task"]["dataset"], one["model"]["name"]))
        for split, metric, value in [_score(record)]
        if value is not None
    ]
    names = ("model", "dataset", "protocol", "metric")
    columns = (*(Column(name) for name in names), Column("score", "{:.4f}", number=True), Column("whose"))
    notes = ("Measured by other tools with their own protocols; never ranked or tested against our runs.",)
    return Table(frame_of(rows), columns, "imported", "Imported results (not comparable)", notes) if rows else None


def _score(record: ImportedRecord) -> tuple[str, str, float | None]:
    """Split, metric and value of an imported record's main score: of test, or of dev where there is no test."""
    metric = str(record["task"].get("metric"))
    for split in ("test", "dev"):
        value = (record["scores"].get(split) or {}).get(metric)
        if isinstance(value, int | float):
            return split, metric, float(value)
    return "test", metric, None


def _dataset(record: ImportedRecord) -> str:
    subset = record["task"].get("subset")
    return record["task"]["dataset"] + (f" ({subset})" if subset and subset != "default" else "")
