"""Figures of comparisons for a paper: every seed with its interval, score against cost, entity types. PNG and SVG.

Colours and marks are those of the bench's figures: told apart by colour-blind readers, and in grey by shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.bench_plots import SETTINGS, STYLES, save
from harness.report.bench_tables import as_csv
from harness.report.comparison import Comparison, Standing
from harness.report.panels import costs, kinds_of, median_of

_PLAIN = {**SETTINGS, "text.parse_math": False, "axes.spines.top": False, "axes.spines.right": False}
"""A name from a record is never taken for mathematics."""
_MOST = 40
"""Encoders in one figure; more are in the tables."""


def write(
    comparisons: Sequence[Comparison],
    numbered: Mapping[str, int],
    throughput: Mapping[str, Mapping[str, float]],
    folder: Path,
) -> list[Path]:
    """Draw every comparison with two encoders or more; returns the files.

    Args:
        comparisons: whose standings are drawn, the best 40 of each.
        numbered: number of each encoder's style, as on the page.
        throughput: tokens per second by encoder, for each comparison's name.
        folder: made where it is missing.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with mpl.rc_context(_PLAIN):  # type: ignore[arg-type]
        for comparison in comparisons:
            if len(comparison.standings) < 2:
                continue
            figures = {"scores": _scores(comparison, numbered)}
            if found := costs(comparison, throughput[comparison.name]):
                figures["cost"] = _cost(comparison, numbered, found)
                content = as_csv(_cost_rows(comparison, found))
                files.append(_data(folder / f"{comparison.name}-cost.csv", content))
            if kinds := kinds_of(comparison):
                figures["entity-types"] = _entity_types(comparison, numbered, kinds)
                content = as_csv(_kind_rows(comparison, kinds))
                files.append(_data(folder / f"{comparison.name}-entity-types.csv", content))
            for kind, figure in figures.items():
                files += save(figure, folder / f"{comparison.name}-{kind}")
    return files


def _scores(comparison: Comparison, numbered: Mapping[str, int]) -> Figure:
    """A row an encoder: seeds as hollow marks, the interval as a bar, the median as a stroke."""
    standings = comparison.standings[:_MOST]
    figure, (axes,) = _canvas(comparison, 1, 1.5 + 0.3 * len(standings))
    for row, standing in enumerate(standings):
        colour, marker = _style(numbered[standing.label])
        axes.plot(
            [standing.low, standing.high], [row, row], color=colour, alpha=0.25, linewidth=7, solid_capstyle="butt"
        )
        axes.plot([standing.score] * 2, [row - 0.32, row + 0.32], color=colour, linewidth=2.2)
        offsets = row + 0.16 * (np.arange(len(standing.scores)) % 3 - 1)
        axes.plot(
            standing.scores,
            offsets,
            linestyle="none",
            marker=marker,
            markersize=5,
            color=colour,
            markerfacecolor="none",
        )
    axes.set_yticks(range(len(standings)), [_row_label(standing) for standing in standings])
    axes.set_ylim(len(standings) - 0.4, -0.6)
    axes.set_xlabel(f"{comparison.metric} on test: seeds, median, 95 % interval")
    axes.grid(axis="x", color="0.88", linewidth=0.7)
    axes.tick_params(axis="y", length=0)
    return figure


def _row_label(standing: Standing) -> str:
    return f"{standing.label} (n {len(standing.scores)})"


def _cost(comparison: Comparison, numbered: Mapping[str, int], found: Mapping[str, Mapping[str, float]]) -> Figure:
    figure, all_axes = _canvas(comparison, len(found), 3.6)
    for axes, (label, values) in zip(all_axes, found.items(), strict=True):
        for standing in comparison.standings[:_MOST]:
            if standing.label in values:
                colour, marker = _style(numbered[standing.label])
                spread = [[standing.score - standing.low], [standing.high - standing.score]]
                axes.errorbar(
                    values[standing.label], standing.score, spread, color=colour, marker=marker, markersize=7,
                    capsize=2.5, linestyle="none", label=standing.label,
                )  # fmt: skip
        axes.set(xscale="log", xlabel=label)
        axes.grid(color="0.88", linewidth=0.7)
        axes.margins(x=0.15)
    all_axes[0].set_ylabel(f"{comparison.metric} on test")
    handles = {
        label: handle for axes in all_axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    all_axes[-1].legend(
        handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0
    )
    return figure


def _entity_types(comparison: Comparison, numbered: Mapping[str, int], kinds: Sequence[str]) -> Figure:
    standings = comparison.standings[:_MOST]
    figure, (axes,) = _canvas(comparison, 1, 1.5 + 0.4 * len(kinds))
    for place, standing in enumerate(standings):
        colour, marker = _style(numbered[standing.label])
        values = [median_of(standing, f"{comparison.metric}.{kind}") for kind in kinds]
        offset = 0.5 * (place / max(len(standings) - 1, 1) - 0.5)
        drawn = [(value, row + offset) for row, value in enumerate(values) if value is not None]
        if drawn:
            axes.plot(*zip(*drawn, strict=True), linestyle="none", marker=marker, color=colour, label=standing.label)
    axes.set_yticks(range(len(kinds)), list(kinds))
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlabel(f"{comparison.metric} of one type, median over seeds")
    axes.grid(color="0.88", linewidth=0.7)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)
    return figure


def _canvas(comparison: Comparison, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4.2 + 2.8 * columns, height), layout="constrained")
    all_axes = list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])
    caution = f" ({comparison.caveat})" if comparison.caveat else ""
    difference = f", {comparison.apart}" if comparison.apart else ""
    all_axes[0].set_title(f"{comparison.dataset}, {comparison.size}{difference}{caution}", loc="left", wrap=True)
    for axes in all_axes:
        axes.set_axisbelow(True)
    return figure, all_axes


def _style(number: int) -> tuple[str, Any]:
    """Colour and marker: pairs, so that more encoders than colours stay apart."""
    count = len(STYLES)
    return STYLES[number % count][0], STYLES[(number + number // count) % count][1]


def _cost_rows(comparison: Comparison, found: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": comparison.dataset, "size": comparison.size, "encoder": standing.label,
            comparison.metric: standing.score, "low": standing.low, "high": standing.high,
            **{label: values.get(standing.label) for label, values in found.items()},
        }
        for standing in comparison.standings
    ]  # fmt: skip


def _kind_rows(comparison: Comparison, kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": comparison.dataset, "size": comparison.size, "encoder": standing.label, "type": kind,
            f"median {comparison.metric}": median_of(standing, f"{comparison.metric}.{kind}"),
        }
        for standing in comparison.standings
        for kind in kinds
    ]  # fmt: skip


def _data(file: Path, content: str) -> Path:
    file.write_text(content, encoding="utf-8")
    return file
