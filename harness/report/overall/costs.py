"""The cost of each model that has scores: the points of a bench that measured the same model, all in one setting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from harness.comparison.entries import Entry
from harness.progress import counted
from harness.report.cost.curves import peak_mib
from harness.report.cost.matching import is_of
from harness.report.cost.pareto import LENGTH
from harness.store.record import MeasuredPoint, PointEntry, PointRecord

Encoder = tuple[str, str]
"""Size and label."""
_SETTING = ("precision", "attention", "batching", "threads", "machine", "length", "texts")


@dataclass(frozen=True)
class Cost:
    """What a model costs at one length.

    Attributes:
        latency_ms: median of one batch.
        tokens_per_s: median.
        slow, fast: p10 and p90 of the tokens per second.
        memory_mib: weights and the peak above them; ``None`` where one of them was not recorded.
    """

    latency_ms: float
    tokens_per_s: float
    slow: float
    fast: float
    memory_mib: float | None


@dataclass(frozen=True)
class Setting:
    """How the costs were measured.

    Attributes:
        tokens: of each text; the mean of a user's own texts.
        words: the setting in words.
    """

    tokens: int
    words: str


def measured(
    encoders: Mapping[Encoder, Entry], bench: Sequence[PointRecord]
) -> tuple[dict[Encoder, Cost], Setting | None]:
    """The cost of each encoder that a bench measured, and in which setting.

    All costs are of one setting: the one that measured most encoders; among these of a user's own texts, or with the length
    nearest to 512 tokens. A point is of an encoder if it measured its weights, or random weights of its model and size.

    Args:
        encoders: one entry of each.
        bench: points of any kind.
    """
    groups: dict[tuple[object, ...], dict[Encoder, MeasuredPoint]] = defaultdict(dict)
    points = [record for record in bench if record["status"] == "ok" and record["point"]["mode"] == "inference"]
    for encoder, entry in encoders.items():
        own = [record for record in points if is_of(record["point"], entry)]
        for record in sorted(
            own, key=lambda one: bool(one["point"].get("weights"))
        ):  # real weights replace random ones
            groups[_setting(record["point"])][encoder] = record
    if not groups:
        return {}, None
    chosen = max(groups.values(), key=_preference)
    return {encoder: _cost(record) for encoder, record in chosen.items()}, _words(next(iter(chosen.values()))["point"])


def _setting(point: PointEntry) -> tuple[object, ...]:
    return tuple(str(point.get(name)) for name in _SETTING)


def _preference(group: Mapping[Encoder, MeasuredPoint]) -> tuple[int, bool, float, bool]:
    point = next(iter(group.values()))["point"]
    return len(group), bool(point.get("texts")), -abs(log(point["length"] / LENGTH)), point["batch_size"] == 1


def _cost(record: MeasuredPoint) -> Cost:
    rate, weights, peak = record["tokens_per_s"], record["model"].get("weights_mib"), peak_mib(record)
    memory = weights + peak if weights is not None and peak is not None else None
    return Cost(record["latency_ms"]["median"], rate["median"], rate["p10"], rate["p90"], memory)


def _words(point: PointEntry) -> Setting:
    texts = "own texts of {:,} tokens on average" if point.get("texts") else "{:,} tokens"
    parts = [texts.format(point["length"]), point["batching"], point["precision"], counted(point["threads"], "thread")]
    return Setting(point["length"], f"inference at {', '.join([*parts, point['machine']])}")
