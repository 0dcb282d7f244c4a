"""Read a whole store in one pass: finished and failed runs, points of a bench, imported results, and records that are left out.

Reports are published, so records come without paths of the machine (see `harness.exchange.published`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from harness.exchange.published import published
from harness.store import Store
from harness.store.record import (
    FailureRecord,
    ImportedRecord,
    PointRecord,
    PretrainingRecord,
    Record,
    RunRecord,
    is_finished_run,
)


@dataclass(frozen=True)
class Broken:
    """A record that is left out.

    Attributes:
        folder: its name in the store.
        reason: why, in words: it cannot be read, lacks something, or repeats another record.
    """

    folder: str
    reason: str


@dataclass
class Reading:
    """The content of a store.

    Attributes:
        runs: finished runs.
        failed: cells that ended without a score, whatever their status.
        bench: points of a bench.
        imported: imported results, which are never compared with runs.
        pretraining: finished pretrainings.
        broken: records that are there and left out.
    """

    runs: list[RunRecord] = field(default_factory=list)
    failed: list[FailureRecord] = field(default_factory=list)
    bench: list[PointRecord] = field(default_factory=list)
    imported: list[ImportedRecord] = field(default_factory=list)
    pretraining: list[PretrainingRecord] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether a record could be read."""
        return bool(self.runs or self.failed or self.bench or self.imported or self.pretraining)

    def add(self, record: Record) -> None:
        """Take in one whole record."""
        kind = record.get("kind", "run")
        if kind == "bench":
            self.bench.append(cast(PointRecord, record))
        elif kind == "imported":
            self.imported.append(cast(ImportedRecord, record))
        elif kind == "pretraining":
            self.pretraining.append(cast(PretrainingRecord, record))
        elif is_finished_run(record):
            self.runs.append(record)
        else:
            self.failed.append(cast(FailureRecord, record))


def read(folder: Path) -> Reading:
    """Read every record of a store once; each lands in exactly one list. A missing folder is an empty store."""
    reading = Reading()
    left_out = reading.broken
    for record in Store(folder).all_records(lambda file, reason: left_out.append(Broken(file.parent.name, reason))):
        reading.add(published(record))
    return reading
