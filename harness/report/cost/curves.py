"""Curves, exponents, ratios and crossovers of a bench: pure functions over records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, permutations

import numpy as np

from harness.comparison.names import size_in_words
from harness.cost.disturbance import DISTURBED
from harness.report.comparable import short_digest
from harness.store.record import MeasuredPoint, PointRecord, series_name

FIT_POINTS = 3
"""Exponents are fitted over this many of the longest texts; overhead hides the growth at short ones."""

REASONS = {
    "oom": "out of memory",
    "timeout": "timed out",
    "beyond_max_length": "longest input exceeded",
    "unsupported": "not supported",
    "failed": "failed",
}

_SETTING = ("mode", "size", "precision", "attention", "batching", "threads", "vocabulary", "machine")
_ANY_BATCH = tuple(name for name in _SETTING if name != "batching")


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

    Points of one group differ only in model, engine and length.
    """
    return _grouped(records, _SETTING, setting_name)


def by_best_batch(records: Iterable[PointRecord]) -> dict[str, list[PointRecord]]:
    """Groups of records that differ in model, engine, length and batch, by a name; only those with several sizes of batch."""
    groups = _grouped(records, _ANY_BATCH, lambda record: setting_name(record, any_batch=True))
    return {name: group for name, group in groups.items() if len({record["point"]["batching"] for record in group}) > 1}


def _grouped(
    records: Iterable[PointRecord], fields: Sequence[str], name_of: Callable[[PointRecord], str]
) -> dict[str, list[PointRecord]]:
    def setting(record: PointRecord) -> tuple[object, ...]:
        return tuple(value for name, value in record["point"].items() if name in fields)

    ordered = groupby(sorted(records, key=lambda record: tuple(map(str, setting(record)))), key=setting)
    groups = {shared: sorted(group, key=lambda record: record["point"]["length"]) for shared, group in ordered}
    names = {shared: name_of(members[0]) for shared, members in groups.items()}
    count = Counter(names.values())

    def name(shared: tuple[object, ...]) -> str:
        # A digest where others have the name, and no number: a bench on another machine would change the order.
        return names[shared] if count[names[shared]] == 1 else f"{names[shared]}-{short_digest(repr(shared))}"

    return {name(shared): members for shared, members in groups.items()}


def setting_name(record: PointRecord, any_batch: bool = False) -> str:
    """A short name of what a point has in common with others, such as ``inference-tiny-bf16-sdpa-batch-1``."""
    point = record["point"]
    words = [point["mode"], size_in_words(point["size"]), point["precision"], point["attention"]]
    words.append("best batch" if any_batch else point["batching"])
    return re.sub(r"[^\w.]+", "-", "-".join(words)).replace("_", "-")


def best_batches(records: Sequence[PointRecord]) -> list[MeasuredPoint]:
    """For each model and length the measured point with the greatest throughput."""
    best: dict[tuple[str, int], MeasuredPoint] = {}
    for record in records:
        if record["status"] == "ok":
            place = name_of(record), record["point"]["length"]
            if place not in best or record["tokens_per_s"]["median"] > best[place]["tokens_per_s"]["median"]:
                best[place] = record
    return list(best.values())


def name_of(record: PointRecord) -> str:
    """What a point's model is called: with its engine, where that is not torch, and its quantisation."""
    return series_name(record["point"])


def models_of(records: Sequence[PointRecord]) -> list[str]:
    """The names of the models in these records, in alphabetical order; see `name_of`."""
    return sorted({name_of(record) for record in records})


def curve(records: Sequence[PointRecord], model: str) -> list[MeasuredPoint]:
    """The measured points of a model, from the shortest text to the longest."""
    points = [record for record in records if name_of(record) == model and record["status"] == "ok"]
    return sorted(points, key=lambda record: record["point"]["length"])


def end_of_curve(records: Sequence[PointRecord], model: str) -> tuple[str, int] | None:
    """Why a model's curve ends and at which length; ``None`` if every length was measured."""
    own = sorted(
        (record for record in records if name_of(record) == model),
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
