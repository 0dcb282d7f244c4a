"""What a point gave, as a record of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from harness.cost.ids import DESCRIPTION
from harness.cost.points import Limits, Point
from harness.store import RECORD, SCHEMA_VERSION, Record, Store, read_record
from models import Encoder

LOSSES = {"inference": None, "training": "mean square of the hidden states, AdamW, dropout on"}


def record_of(
    point: Point, encoder: Encoder, limits: Limits, reply: Mapping[str, Any], calibration: Mapping[str, Any] | None
) -> Record:
    """The record of a point.

    Args:
        point: what was measured.
        encoder: its encoder.
        limits: when it would have ended.
        reply: see `supervise.measure_in_child`; for a point that was not run, its ``status`` and ``error``.
        calibration: see `calibration.calibrate`.

    Returns:
        The store's keys ``schema_version``, ``key``, ``kind`` (``bench``), ``status`` (``ok``, ``oom``, ``timeout``,
        ``beyond_max_length``, ``failed`` or ``skipped``), ``error``, ``log`` (the child's last messages where it
        failed), ``model`` and ``point``, and what was measured:

        ``latency_ms`` {median, p10, p90, samples} of a batch; ``tokens_per_s`` {median, p10, p90};
        ``memory`` {peak_above_loaded_mib, loaded_mib, ...}; ``flops`` {needed, executed} of a batch;
        ``fraction_of_peak``: needed operations a second over the calibrated rate of the point's precision;
        ``joules_per_call`` by counter, empty where none can be read; ``processor_taken_by_others`` (0 to 1);
        ``calibration``; ``limits``;
        ``seconds`` {wall, load, measured, overhead}; ``environment``.
    """
    samples = reply.get("samples_ms", [])
    flops, rate = reply.get("flops"), (calibration or {}).get("matmul_flops_per_s", {}).get(point.precision)
    measured = bool(samples) and reply["status"] == "ok"
    median_s = float(np.median(samples)) / 1e3 if measured else None
    return {
        "schema_version": SCHEMA_VERSION,
        "key": point.key,
        "kind": "bench",
        "status": reply["status"],
        "error": reply.get("error"),
        "log": reply.get("log"),
        "model": {
            "name": point.model,
            "size": point.size,
            "weights": "scratch",
            "max_length": encoder.size(point.size).max_length,
            **reply.get("model", {}),
        },
        "point": asdict(point)
        | {
            "tokens": point.length * point.batch_size,
            "ids": DESCRIPTION,
            "objective": LOSSES[point.mode],
            "attention_used": reply.get("attention"),
        },
        "latency_ms": _quantiles(samples) | {"samples": samples} if measured else None,
        "unfinished_samples_ms": samples if not measured else [],
        "warm_up_ms": reply.get("warm_up_ms", []),
        "tokens_per_s": _rates(point, samples) if measured else None,
        "memory": reply.get("memory"),
        "flops": flops,
        "fraction_of_peak": flops["needed"] / median_s / rate if flops and rate and median_s else None,
        "joules_per_call": reply.get("joules_per_call", {}),
        "calibration": calibration,
        "limits": asdict(limits),
        "seconds": _seconds(reply, samples),
        "processor_taken_by_others": reply.get("processor_taken_by_others"),
        "environment": reply.get("environment", {}),
    }


def finished(store: Store, point: Point, limits: Limits) -> Record | None:
    """The record of this point, if the store has one that measuring again under these limits would only repeat.

    A point that ended by a limit is measured again when the limit is higher now; of memory by a tenth, since what is
    free on a machine is never twice the same.
    """
    record = read_record(store.path_of(point) / RECORD)
    if record is None or record["key"] != point.key:
        return None
    then, status = record["limits"], record["status"]
    stands = {
        "ok": then["min_repetitions"] >= limits.min_repetitions and then["min_seconds"] >= limits.min_seconds,
        "oom": then["memory_mib"] >= 0.9 * limits.memory_mib,
        "timeout": then["timeout_s"] >= limits.timeout_s,
    }
    return record if stands.get(status, False) else None


def _quantiles(values: list[float]) -> dict[str, float]:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return {"median": float(middle), "p10": float(low), "p90": float(high)}


def _rates(point: Point, samples: list[float]) -> dict[str, float]:
    return _quantiles([point.length * point.batch_size / (sample / 1e3) for sample in samples])


def _seconds(reply: Mapping[str, Any], samples: list[float]) -> dict[str, float]:
    if "wall_s" not in reply:
        return {}
    measured = (sum(samples) + sum(reply.get("warm_up_ms", []))) / 1e3
    seconds = {"wall": reply["wall_s"], "measured": measured, "overhead": reply["wall_s"] - measured}
    return seconds | ({"load": reply["load_s"]} if "load_s" in reply else {})
