"""Records of a bench made up by formula, so that what the report must find in them is known."""

from typing import Any

import pytest


def bench_record(
    model: str, length: int, latency_ms: float | None, status: str = "ok", **changes: Any
) -> dict[str, Any]:
    """A record with a latency, spread by 10 % to both sides, and 1 MiB a thousand tokens; or one that ended."""
    point = {
        "model": model, "size": "tiny", "mode": "inference", "length": length, "batching": "batch 1", "batch_size": 1,
        "precision": "fp32", "attention": "sdpa", "compiled": False, "threads": 2, "vocabulary": 8192,
        "extended": False, "machine": "a machine, torch 2", "tokens": length, "ids": "Zipf", "objective": None,
        "attention_used": "sdpa",
    }  # fmt: skip
    record: dict[str, Any] = {
        "schema_version": 1, "key": f"{model}{length}", "kind": "bench", "status": status, "error": None,
        "model": {"name": model, "size": "tiny"}, "point": point | changes.pop("point", {}), "latency_ms": None,
        "tokens_per_s": None, "memory": None, "flops": None, "fraction_of_peak": None, "joules_per_call": {},
        "calibration": None, "environment": {}, "processor_taken_by_others": 0.0,
        "limits": {"timeout_s": 60.0, "memory_mib": 1000, "min_repetitions": 5, "min_seconds": 1.0},
    }  # fmt: skip
    if latency_ms is not None:
        rate = length / latency_ms * 1e3
        record["latency_ms"] = {
            "median": latency_ms, "p10": 0.9 * latency_ms, "p90": 1.1 * latency_ms, "samples": [latency_ms] * 5,
        }  # fmt: skip
        record["tokens_per_s"] = {"median": rate, "p10": rate / 1.1, "p90": rate / 0.9}
        record["memory"] = {"peak_above_loaded_mib": length / 1000}
    return record | changes


@pytest.fixture
def records() -> list[dict[str, Any]]:
    """A linear encoder that is slow at first, a quadratic one whose memory ends, and one that ends at its own length.

    The linear one takes 0.1 ms a token, the quadratic one 0.1 ms a token at 1 000 tokens: there they cross.
    """
    lengths = [125, 500, 2000, 8000, 32000]
    linear = [bench_record("line", length, 0.1 * length) for length in lengths]
    square = [bench_record("square", length, 1e-4 * length**2) for length in lengths[:3]]
    square.append(bench_record("square", 8000, None, "oom", error="no memory"))
    square.append(bench_record("square", 32000, None, "skipped", error="memory ended at 8000 tokens already"))
    short = [bench_record("short", 125, 5.0), bench_record("short", 500, 30.0, point={"extended": True})]
    short.append(bench_record("short", 2000, None, "beyond_max_length", error="it takes at most 500 tokens"))
    short += [bench_record("short", length, None, "skipped", error="its length ended") for length in lengths[3:]]
    return linear + square + short


@pytest.fixture
def make_record() -> Any:
    """The maker of records itself."""
    return bench_record
