"""The page's section of a bench: charts of throughput, latency and memory against length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from harness.comparison.names import size_in_words
from harness.progress import counted
from harness.report.cost.curves import REASONS, by_setting, curve, end_of_curve, models_of, peak_mib
from harness.report.cost.tables import crossover_sentences
from harness.report.drawing import short_length
from harness.report.page import svg
from harness.store.record import MeasuredPoint, PointRecord, Quantiles

Interval = tuple[float, float, float]


def settings(records: Sequence[PointRecord], numbered: Mapping[str, int]) -> list[dict[str, object]]:
    """One entry for each group of points that may be drawn into one chart."""
    return [
        _setting(group, numbered)
        for group in by_setting(records).values()
        if any(record["status"] == "ok" for record in group)
    ]


def _setting(group: Sequence[PointRecord], numbered: Mapping[str, int]) -> dict[str, object]:
    point = group[0]["point"]
    values: tuple[tuple[str, Callable[[MeasuredPoint], Interval | None]], ...] = (
        ("throughput, tokens/s", lambda record: _quantiles(record["tokens_per_s"])),
        ("latency of a batch, ms", lambda record: _quantiles(record["latency_ms"])),
        ("peak memory above the model, MiB", _memory),
    )
    charts = [chart for label, value in values if (chart := _chart(group, numbered, label, value))]
    ends = [
        f"{model}: {REASONS[end[0]]} at {short_length(end[1])} tokens."
        for model in models_of(group)
        if (end := end_of_curve(group, model))
    ]
    extended = any(record["point"]["extended"] for record in group if record["status"] == "ok")
    hollow = ["Hollow marks: positions extended beyond the model's own length, for cost only."] if extended else []
    size = size_in_words(point["size"])
    return {
        "title": f"{point['mode']}, {size}, {point['precision']}, {point['attention']} attention, {point['batching']}",
        "machine": f"{counted(point['threads'], 'thread')}, {point['machine']}",
        "legend": [(numbered[model], model) for model in models_of(group) if curve(group, model)],
        "charts": charts,
        "sentences": [*(f"{sentence}." for sentence in crossover_sentences(group)), *ends, *hollow],
        "command": group[0].get("command"),
    }


def _quantiles(found: Quantiles) -> Interval:
    return found["median"], found["p10"], found["p90"]


def _memory(record: PointRecord) -> Interval | None:
    value = peak_mib(record)
    return (value, value, value) if value else None


def _chart(
    group: Sequence[PointRecord],
    numbered: Mapping[str, int],
    label: str,
    value: Callable[[MeasuredPoint], Interval | None],
) -> Markup | None:
    measured = {
        model: [(record, found) for record in curve(group, model) if (found := value(record)) and found[1] > 0]
        for model in models_of(group)
    }
    ends = [end for points in measured.values() for _, (_, *interval) in points for end in interval]
    if not ends:
        return None
    lengths = sorted({record["point"]["length"] for points in measured.values() for record, _ in points})
    series = [
        svg.Series(numbered[model], [_point(model, record, found) for record, found in points], joined=True)
        for model, points in measured.items()
    ]
    description = f"{label} against length for {', '.join(model for model, points in measured.items() if points)}"
    return svg.chart(series, svg.at(lengths), svg.logarithmic(ends), "tokens of a text →", label, description)


def _point(model: str, record: PointRecord, found: Interval) -> svg.Point:
    length, (middle, low, high) = record["point"]["length"], found
    text = f"{model} at {length:,} tokens: {middle:,.4g} ({low:,.4g} to {high:,.4g})"
    return svg.Point(length, middle, low, high, text, bool(record["point"]["extended"]))
