"""The page's section of scores by length: a chart of all encoders, and a map of length and depth (or number of pairs) for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report import metric_names
from harness.report.comparable import Comparison, Standing
from harness.report.drawing import short_length
from harness.report.page import svg
from harness.report.page.panels import head_of, median_of


def sections(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> list[dict[str, object]]:
    """One for each comparison whose runs are scored by length."""
    return [_section(comparison, numbered) for comparison in comparisons if comparison.lengths]


def _section(comparison: Comparison, numbered: Mapping[str, int]) -> dict[str, object]:
    told = comparison.lengths
    series = [svg.Series(numbered[one.label], _points(one, comparison), joined=True) for one in comparison.standings]
    across = svg.at(told) if len(told) > 1 else svg.logarithmic(told)
    description = f"{comparison.metric} against length; the maps below have the numbers"
    return {
        **head_of(comparison),
        "chart": svg.chart(series, across, svg.PERCENT, "tokens of a text →", comparison.metric, description),
        "legend": [(numbered[standing.label], standing.label) for standing in comparison.standings],
        "heats": [_heat(comparison, standing) for standing in comparison.standings],
    }


def _points(standing: Standing, comparison: Comparison) -> list[svg.Point]:
    return [
        svg.Point(length, score, score, score, f"{standing.label} at {length:,} tokens: {score:.0%}")
        for length in comparison.lengths
        if (score := median_of(standing, metric_names.named(comparison.metric, (length, None)))) is not None
    ]


def _heat(comparison: Comparison, standing: Standing) -> dict[str, object]:
    """The map of one encoder: a row for each depth or number of pairs, a column for each length, in percent."""
    there = metric_names.places(standing.metrics, comparison.metric)
    parts = sorted({part for _, part in there if part is not None}, key=metric_names.value_of)
    rows: list[dict[str, object]] = [
        {"label": metric_names.shown(part), "values": _row(comparison, standing, part)} for part in parts
    ]
    rows.append({"label": "all", "values": _row(comparison, standing, None)})
    unseen = [median_of(standing, f"unseen.L{length}") for length in comparison.lengths]
    if any(unseen):
        rows.append({"label": "never seen", "values": unseen, "plain": True})
    return {
        "title": standing.label,
        "remark": f"{comparison.metric} in percent, {comparison.dataset}",
        "corner": metric_names.axis_of(parts).name,
        "head": [short_length(length) for length in comparison.lengths],
        "rows": rows,
        "format": "%.0f",
        "times": 100,
    }


def _row(comparison: Comparison, standing: Standing, part: str | None) -> list[float | None]:
    names = [metric_names.named(comparison.metric, (length, part)) for length in comparison.lengths]
    return [median_of(standing, name) for name in names]
