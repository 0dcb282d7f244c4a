"""The record of a point of a bench: the cost of one encoder at one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from harness.store.record.common import SCHEMA_VERSION, Environment


class Quantiles(TypedDict):
    """The middle of repeated measurements and their spread."""

    median: float
    p10: float
    p90: float


QUANTILES: tuple[Literal["median", "p10", "p90"], ...] = ("median", "p10", "p90")


class Latency(Quantiles):
    """Milliseconds of one batch."""

    samples: list[float]


class Operations(TypedDict):
    """Floating-point operations of one batch; a multiply-add counts as two (see `models.flops.Flops`)."""

    needed: int
    executed: int


class PointMemory(TypedDict, total=False):
    """Memory of a point, in MiB."""

    peak_above_loaded_mib: float | None
    """The most that the call added to the loaded model."""
    loaded_mib: float | None
    high_water_mark_reset: bool
    peak_reserved_above_loaded_mib: float
    """On a GPU only."""


class Calibration(TypedDict):
    """Rates of the machine, measured right before the points."""

    matmul_flops_per_s: dict[str, float]
    """By precision."""
    memory_bytes_per_s: float
    n: dict[str, int]
    """Repetitions behind each rate."""


class BuiltModel(TypedDict, total=False):
    """The size of a built model."""

    params_total: int
    params_non_embedding: int
    weights_mib: float
    disk_mib: float
    """Of the file that holds the model for its engine; missing in older records."""


class PointModel(BuiltModel):
    """The model of a point."""

    name: str
    size: str
    weights: str
    max_length: int | None


class PointFields(TypedDict):
    """The fields of `harness.cost.points.Point`."""

    model: str
    size: str
    mode: str
    length: int
    batching: str
    batch_size: int
    precision: str
    attention: str
    compiled: bool
    threads: int
    vocabulary: int
    extended: bool
    machine: str
    engine: NotRequired[str]
    """This and the following are left out where they have the default of `harness.cost.points.Point`."""
    quantize: NotRequired[str]
    name: NotRequired[str]
    weights: NotRequired[str]
    location: NotRequired[str]
    max_length: NotRequired[int | None]
    texts: NotRequired[tuple[int, ...]]


class PointEntry(PointFields):
    """The settings of a point."""

    tokens: int
    """Of one batch."""
    ids: str
    """Description of the random token ids."""
    objective: str | None
    attention_used: str | None


class LimitsEntry(TypedDict):
    """When a point ends (see `harness.cost.points.Limits`)."""

    timeout_s: float
    memory_mib: int
    min_repetitions: int
    min_seconds: float


PointStatus = Literal["ok", "oom", "timeout", "beyond_max_length", "unsupported", "failed", "skipped"]
"""``unsupported``: the engine cannot run the model."""


class Measured(TypedDict):
    """The answer of the process that measures a point; keys without a value are missing."""

    status: PointStatus
    error: str | None
    log: NotRequired[str]
    samples_ms: NotRequired[list[float]]
    passes_ms: NotRequired[list[float]]
    """Of all batches of a user's own texts together; then ``samples_ms`` are those of single batches."""
    warm_up_ms: NotRequired[list[float]]
    model: NotRequired[BuiltModel]
    attention: NotRequired[str | None]
    flops: NotRequired[Operations | None]
    memory: NotRequired[PointMemory]
    joules_per_call: NotRequired[dict[str, float]]
    environment: NotRequired[Environment]
    build_s: NotRequired[float]
    load_s: NotRequired[float]
    wall_s: NotRequired[float]
    processor_taken_by_others: NotRequired[float | None]


class _Point(TypedDict):
    """The common part of the records of all points."""

    schema_version: int
    key: str
    kind: Literal["bench"]
    error: str | None
    log: str | None
    """The last messages of the process that failed."""
    model: PointModel
    point: PointEntry
    unfinished_samples_ms: list[float]
    warm_up_ms: list[float]
    memory: PointMemory | None
    flops: Operations | None
    fraction_of_peak: float | None
    """Needed operations per second over the calibrated rate of the point's precision."""
    joules_per_call: dict[str, float]
    """By counter; empty if none can be read."""
    calibration: Calibration | None
    limits: LimitsEntry
    seconds: dict[str, float]
    """``wall``, ``load``, ``measured``, ``overhead``; ``build`` for export, quantisation and compilation, where there was any."""
    processor_taken_by_others: float | None
    """Share of the machine that other processes used meanwhile, 0 to 1."""
    environment: Environment


class MeasuredPoint(_Point):
    """The cost of one encoder at one length."""

    status: Literal["ok"]
    latency_ms: Latency
    tokens_per_s: Quantiles


class UnmeasuredPoint(_Point):
    """A point that could not be measured, and why."""

    status: Literal["oom", "timeout", "beyond_max_length", "unsupported", "failed", "skipped"]
    latency_ms: None
    tokens_per_s: None


PointRecord = MeasuredPoint | UnmeasuredPoint


def series_name(point: PointFields) -> str:
    """What tables and figures call a point's model: ``bert``, ``bert (openvino int8)``, or the name of its weights."""
    engine = "compile" if point["compiled"] else point.get("engine", "torch")
    quantize = point.get("quantize", "none")
    words = [*([quantize] if quantize != "none" else [])]
    if engine != "torch" or words:
        words.insert(0, engine)
    name = point.get("name") or point["model"]
    return f"{name} ({' '.join(words)})" if words else name


def point_record(
    *,
    key: str,
    model: PointModel,
    point: PointEntry,
    limits: LimitsEntry,
    measured: Measured,
    calibration: Calibration | None,
) -> PointRecord:
    """The record of a point of a bench.

    Args:
        key: of the point.
        model: that was measured.
        point: the settings of the measurement.
        limits: of the point.
        measured: the answer of the process that measured it.
        calibration: the machine's rates, if they could be measured.
    """
    samples = measured.get("samples_ms", [])
    complete = bool(samples) and measured["status"] == "ok"
    common: _Point = {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "kind": "bench",
        "error": measured.get("error"),
        "log": measured.get("log"),
        "model": model,
        "point": point,
        "unfinished_samples_ms": [] if complete else samples,
        "warm_up_ms": measured.get("warm_up_ms", []),
        "memory": measured.get("memory"),
        "flops": measured.get("flops"),
        "fraction_of_peak": _fraction_of_peak(measured, point, calibration) if complete else None,
        "joules_per_call": measured.get("joules_per_call", {}),
        "calibration": calibration,
        "limits": limits,
        "seconds": _seconds(measured),
        "processor_taken_by_others": measured.get("processor_taken_by_others"),
        "environment": measured.get("environment", {}),
    }
    if measured["status"] != "ok":
        return {**common, "status": measured["status"], "latency_ms": None, "tokens_per_s": None}
    rates = _quantiles([point["tokens"] / (sample / 1e3) for sample in measured.get("passes_ms") or samples])
    return {**common, "status": "ok", "latency_ms": {**_quantiles(samples), "samples": samples}, "tokens_per_s": rates}


def _quantiles(values: Sequence[float]) -> Quantiles:
    import numpy as np

    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return {"median": float(middle), "p10": float(low), "p90": float(high)}


def _fraction_of_peak(measured: Measured, point: PointEntry, calibration: Calibration | None) -> float | None:
    operations = measured.get("flops")
    rate = calibration["matmul_flops_per_s"].get(point["precision"]) if calibration else None
    if not operations or not rate or point.get("quantize") == "int8":  # the machine's rate in int8 is not calibrated
        return None
    return operations["needed"] / (_quantiles(measured["samples_ms"])["median"] / 1e3) / rate


def _seconds(measured: Measured) -> dict[str, float]:
    if "wall_s" not in measured:
        return {}
    spent = (sum(measured.get("samples_ms", [])) + sum(measured.get("warm_up_ms", []))) / 1e3
    seconds = {"wall": measured["wall_s"], "measured": spent, "overhead": measured["wall_s"] - spent}
    seconds |= {"load": measured["load_s"]} if "load_s" in measured else {}
    return seconds | ({"build": measured["build_s"]} if "build_s" in measured else {})
