"""Make the record of a measured point, and find it again in the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from harness.cost.ids import DESCRIPTION
from harness.cost.points import Limits, Point
from harness.store import RECORD, Store
from harness.store.record import Calibration, LimitsEntry, Measured, PointEntry, PointRecord, point_record
from harness.store.record_file import read_replaceable

OBJECTIVES = {"inference": None, "training": "mean square of the hidden states, AdamW, dropout on"}


def record_of(point: Point, limits: Limits, measured: Measured, calibration: Calibration | None) -> PointRecord:
    """The record of a point.

    Args:
        point: that was measured.
        limits: of the point.
        measured: see `supervise.measure_in_child`; for a point that was not run, its ``status`` and ``error``.
        calibration: see `calibration.calibrate`.
    """
    entry = point.entry | {
        "tokens": point.tokens,
        "ids": DESCRIPTION,
        "objective": OBJECTIVES[point.mode],
        "attention_used": measured.get("attention"),
    }
    return point_record(
        key=point.key,
        model={
            "name": point.name or point.model,
            "size": point.size,
            "weights": point.weights or "scratch",
            "max_length": point.limit,
            **measured.get("model", {}),
        },
        point=cast(PointEntry, entry),
        limits=cast(LimitsEntry, asdict(limits)),
        measured=measured,
        calibration=calibration,
    )


def finished(store: Store, point: Point, limits: Limits) -> PointRecord | None:
    """The stored record of this point, unless measuring again under these limits could give more.

    A point that reached a limit is measured again if the limit is higher now. The memory limit must be higher by at least a
    tenth, because free memory always varies a little.

    Raises:
        InputError: a newer harness wrote the record.
    """
    record = cast("PointRecord | None", read_replaceable(store.path_of(point) / RECORD))
    if record is None or record["key"] != point.key:
        return None
    then, status = record["limits"], record["status"]
    still_valid = {
        "ok": then["min_repetitions"] >= limits.min_repetitions and then["min_seconds"] >= limits.min_seconds,
        "oom": then["memory_mib"] >= 0.9 * limits.memory_mib,
        "timeout": then["timeout_s"] >= limits.timeout_s,
    }
    return record if still_valid.get(status, False) else None
