"""What the page shows of needles: found against length for all encoders, and a map of length and depth for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.comparable import Comparison, Standing
from harness.report.cost.plots import short_length
from harness.report.page import svg
from harness.report.page.panels import median_of

_AT = re.compile(r"\.L(\d+)(?:\.D(\d+(?:\.\d+)?))?$")


def sections(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> list[dict[str, Any]]:
    """One for each comparison on needles whose runs tell of lengths."""
    return [_section(comparison, numbered) for comparison in comparisons if lengths(comparison)]


def lengths(comparison: Comparison) -> list[int]:
    """All lengths in tokens that its runs' scores tell of; none where it is not on needles."""
    if not comparison.dataset.startswith("needle/"):
        return []
    found = (_AT.search(name) for standing in comparison.standings for name in _names(standing))
    return sorted({int(at[1]) for at in found if at and int(at[1]) > 0})


def _section(comparison: Comparison, numbered: Mapping[str, int]) -> dict[str, Any]:
    told = lengths(comparison)
    series = [
        svg.Series(
            numbered[standing.label],
            [
                svg.Point(length, found, found, found, f"{standing.label} at {length:,} tokens: {found:.0%}")
                for length in told
                if (found := median_of(standing, f"{comparison.metric}.L{length}")) is not None
            ],
            joined=True,
        )
        for standing in comparison.standings
    ]
    across = svg.at(told) if len(told) > 1 else svg.logarithmic(told)
    description = f"{comparison.metric} against length; the maps below have the numbers"
    return {
        "dataset": comparison.dataset,
        "size": comparison.size,
        "apart": comparison.apart,
        "chart": svg.chart(series, across, svg.PERCENT, "tokens of a text →", comparison.metric, description),
        "legend": [(numbered[standing.label], standing.label) for standing in comparison.standings],
        "heats": [_heat(comparison, standing, told) for standing in comparison.standings],
    }


def _heat(comparison: Comparison, standing: Standing, told: Sequence[int]) -> dict[str, Any]:
    """The map of one encoder: a row a depth, a column a length, in percent."""
    depths = _depths(standing)
    metric = comparison.metric
    rows: list[dict[str, Any]] = [
        {
            "label": f"{depth} %",
            "values": [median_of(standing, f"{metric}.L{length}.D{depth}") for length in told],
        }
        for depth in depths
    ]
    rows.append({"label": "all", "values": [median_of(standing, f"{metric}.L{length}") for length in told]})
    unseen = [median_of(standing, f"unseen.L{length}") for length in told]
    if any(unseen):
        rows.append({"label": "never seen", "values": unseen, "plain": True})
    return {
        "title": standing.label,
        "remark": f"needles found in percent, {comparison.dataset}",
        "corner": "depth",
        "head": [short_length(length) for length in told],
        "rows": rows,
        "format": "%.0f",
        "times": 100,
    }


def _names(standing: Standing) -> set[str]:
    return {name for run in standing.entry.runs for name in run["scores"]["test"]}


def _depths(standing: Standing) -> list[str]:
    found = (_AT.search(name) for name in _names(standing))
    return sorted({at[2] for at in found if at and at[2]}, key=float)
