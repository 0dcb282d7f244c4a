"""Curves, exponents, ratios and crossovers of a bench: pure functions over records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, permutations

import numpy as np

from harness.cost.disturbance import DISTURBED
from harness.store.record import MeasuredPoint, PointRecord

FIT_POINTS = 3
"""Exponents are fitted over this many of the longest texts; overhead hides the growth at short ones."""

REASONS = {
    "oom": "out of memory",
    "timeout": "timed out",
    "beyond_max_length": "longest input exceeded",
    "failed": "failed",
}

_SETTING = ("mode", "size", "precision", "attention", "compiled", "batching", "threads", "vocabulary", "machine")


@dataclass(frozen=True)
class Crossover:
    """Where one model's throughput passes another's.

    Attributes:
        faster, slower: ``faster`` overtakes ``slower`` as texts grow.
        length: tokens, by a straight line between the neighbouring measurements in logarithms.
        between: the measured lengths before and after it.
        beyond_spread: at both of them the difference is larger than the p10 to p90 intervals.
    """

    faster: str
    slower: str
    length: float
    between: tuple[int, int]
    beyond_spread: bool


def by_setting(records: Iterable[PointRecord]) -> dict[str, list[PointRecord]]:
    """Records that may be drawn into one figure, by a name that can be a file's.

    Points of one group differ only in model and length.
    """

    def setting(record: PointRecord) -> tuple[object, ...]:
        return tuple(value for name, value in record["point"].items() if name in _SETTING)

    groups: dict[str, list[PointRecord]] = {}
    for _, group in groupby(sorted(records, key=lambda record: tuple(map(str, setting(record)))), key=setting):
        members = sorted(group, key=lambda record: record["point"]["length"])
        name = setting_name(members[0])
        number = sum(other.startswith(name) for other in groups)
        groups[f"{name}-{number + 1}" if number else name] = members
    return groups


def setting_name(record: PointRecord) -> str:
    """A short name of what a point has in common with others, such as ``inference-tiny-bf16-sdpa-batch-1``."""
    point = record["point"]
    words = [point["mode"], point["size"], point["precision"], point["attention"], point["batching"]]
    return "-".join(words + (["compiled"] if point["compiled"] else [])).replace(" ", "-").replace("_", "-")


def models_of(records: Sequence[PointRecord]) -> list[str]:
    """The models in these records, in alphabetical order."""
    return sorted({record["point"]["model"] for record in records})


def curve(records: Sequence[PointRecord], model: str) -> list[MeasuredPoint]:
    """The measured points of a model, from the shortest text to the longest."""
    points = [record for record in records if record["point"]["model"] == model and record["status"] == "ok"]
    return sorted(points, key=lambda record: record["point"]["length"])


def end_of_curve(records: Sequence[PointRecord], model: str) -> tuple[str, int] | None:
    """Why a model's curve ends and at which length; ``None`` if every length was measured."""
    own = sorted(
        (record for record in records if record["point"]["model"] == model),
        key=lambda record: record["point"]["length"],
    )
    return next(((record["status"], record["point"]["length"]) for record in own if record["status"] in REASONS), None)


def exponent(lengths: Sequence[float], values: Sequence[float]) -> float | None:
    """The power of the length with which a value grows, by least squares in logarithms over the longest texts.

    Returns:
        ``None`` where there are fewer than two positive values.
    """
    pairs = [(length, value) for length, value in zip(lengths, values, strict=True) if value > 0][-FIT_POINTS:]
    if len(pairs) < 2:
        return None
    x, y = np.log(np.array(pairs, dtype=float).T)
    return float(np.polyfit(x, y, 1)[0])


def ratios(records: Sequence[PointRecord], model: str, baseline: str) -> dict[int, tuple[float, float, float]]:
    """Throughput of a model over that of the baseline by length: of the medians, and the widest that the intervals allow.

    Returns:
        length: (ratio, low, high), where ``low`` is p10 over the baseline's p90 and ``high`` p90 over its p10.
    """
    base = {record["point"]["length"]: record["tokens_per_s"] for record in curve(records, baseline)}
    own = {record["point"]["length"]: record["tokens_per_s"] for record in curve(records, model)}
    return {
        length: (
            own[length]["median"] / base[length]["median"],
            own[length]["p10"] / base[length]["p90"],
            own[length]["p90"] / base[length]["p10"],
        )
        for length in sorted(own.keys() & base.keys())
    }


def crossovers(records: Sequence[PointRecord]) -> list[Crossover]:
    """All lengths at which one model's median throughput passes another's, from the shortest."""
    found = []
    for faster, slower in permutations(models_of(records), 2):
        for (before, then), (after, now) in pairwise(ratios(records, faster, slower).items()):
            below, above = np.log(then[0]), np.log(now[0])
            if below < 0 < above:
                share = -below / (above - below)
                length = float(np.exp(np.log(before) + share * np.log(after / before)))
                beyond_spread = then[2] < 1 < now[1]
                found.append(Crossover(faster, slower, length, (before, after), beyond_spread))
    return sorted(found, key=lambda crossover: crossover.length)


def disturbed(records: Sequence[PointRecord]) -> list[PointRecord]:
    """The points, measured or not, during which other work took a tenth of the processor or more."""
    return [record for record in records if (record.get("processor_taken_by_others") or 0.0) >= DISTURBED]


def peak_mib(record: PointRecord) -> float | None:
    """Peak memory above the loaded model, in MiB."""
    value = (record["memory"] or {}).get("peak_above_loaded_mib")
    return None if value is None else float(value)
