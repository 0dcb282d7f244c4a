"""Figures of comparisons for a paper: every seed with its interval, score against cost, scores by type. PNG and SVG.

Colours and marks are those of the bench's figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.machine.provenance import processors
from harness.report.chance import guess_of
from harness.report.comparable import Comparison, Standing
from harness.report.drawing import PLAIN, any_script, folded, save, within_shares
from harness.report.page import svg
from harness.report.page.panels import costs, median_of
from harness.report.styles import style
from harness.report.table import as_csv, frame_of
from harness.text_file import write_whole

_HOLLOW: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "none"}
_TITLE = 80
"""Characters of a title on one line."""
_MOST = 40
"""Most encoders in one figure; the tables have all."""
_WORTH_PROCESSES = 12
"""From this many comparisons on, drawing in several processes is faster."""
_WORKERS = 4


@contextmanager
def drawing(
    comparisons: Sequence[Comparison],
    numbered: Mapping[str, int],
    throughput: Mapping[str, Mapping[str, float]],
    folder: Path,
) -> Iterator[Callable[[], list[Path]]]:
    """Draw every comparison with two encoders or more; if there are many, in other processes while the block runs.

    Args:
        comparisons: the best 40 encoders of each are drawn.
        numbered: number of each encoder's style, as on the page.
        throughput: tokens per second by label, for each comparison's name.
        folder: made if there is something to draw.

    Yields:
        A function that waits for the figures and returns their files.

    Raises:
        OSError: the folder cannot be written.
    """
    work = [(one, numbered, throughput[one.name], folder) for one in comparisons if len(one.standings) > 1]
    if work:
        folder.mkdir(parents=True, exist_ok=True)
    workers = min(processors(), _WORKERS)
    if workers == 1 or len(work) < _WORTH_PROCESSES:
        yield lambda: [file for item in work for file in _draw(*item)]
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"))
    try:
        under_way = [pool.submit(_draw, *item) for item in work]
        yield lambda: [file for drawn in under_way for file in drawn.result()]
    finally:
        pool.shutdown(cancel_futures=True)


def _draw(comparison: Comparison, numbered: Mapping[str, int], rates: Mapping[str, float], folder: Path) -> list[Path]:
    """The figures of one comparison, and the data behind them."""
    files: list[Path] = []
    with mpl.rc_context(PLAIN):
        figures = {"scores": _scores(comparison, numbered)}
        if found := costs(comparison, rates):
            figures["cost"] = _cost(comparison, numbered, found)
            files.append(
                write_whole(folder / f"{comparison.name}-cost.csv", as_csv(frame_of(_cost_rows(comparison, found))))
            )
        if comparison.types:
            figures["types"] = _types(comparison, numbered)
            files.append(write_whole(folder / f"{comparison.name}-types.csv", as_csv(frame_of(_type_rows(comparison)))))
        for kind, figure in figures.items():
            # Placing text takes most of the time, so it is done once for both files.
            with any_script(figure):
                figure.draw_without_rendering()
            figure.set_layout_engine(None)
            files += save(figure, folder / f"{comparison.name}-{kind}")
    return files


def _scores(comparison: Comparison, numbered: Mapping[str, int]) -> Figure:
    """A row for each encoder: seeds as hollow marks, the interval as a bar, the median as a stroke."""
    standings = comparison.standings[:_MOST]
    figure, (axes,) = _canvas(comparison, 1, 1.5 + 0.3 * len(standings))
    colours = [style(numbered[standing.label])[0] for standing in standings]
    rows = np.arange(len(standings))
    low, middle, high = np.array([(one.low, one.score, one.high) for one in standings]).T
    axes.hlines(rows, low, high, colors=colours, alpha=0.25, linewidth=7)
    axes.vlines(middle, rows - 0.32, rows + 0.32, colors=colours, linewidth=2.2)
    for row, standing in enumerate(standings):
        colour, marker, _ = style(numbered[standing.label])
        offsets = row + 0.16 * (np.arange(len(standing.scores)) % 3 - 1)
        axes.plot(standing.scores, offsets, marker=marker, markersize=5, color=colour, **_HOLLOW, clip_on=False)
    axes.set_yticks(range(len(standings)), [_row_label(standing) for standing in standings])
    axes.set_ylim(len(standings) - 0.4, -0.6)
    axes.set_xlabel(f"{comparison.metric} on test: seeds, median, 95 % interval")
    ends = [end for one in standings for end in (one.low, one.high, *one.scores)]
    if (guess := guess_of(comparison.task)) is not None:
        axes.axvline(guess, color="0.45", linestyle=(0, (4, 3)), linewidth=1, label="one constant answer")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)
        ends.append(guess)
    axes.set_xlim(within_shares(axes.get_xlim(), ends))
    axes.grid(axis="x", color="0.88", linewidth=0.7)
    axes.tick_params(axis="y", length=0)
    return figure


def _row_label(standing: Standing) -> str:
    return folded(f"{standing.label} (n {standing.entry.seeds_shown})")


def _cost(comparison: Comparison, numbered: Mapping[str, int], found: Mapping[str, Mapping[str, float]]) -> Figure:
    figure, all_axes = _canvas(comparison, len(found), max(3.6, 1 + 0.19 * len(comparison.standings[:_MOST])))
    for axes, (label, values) in zip(all_axes, found.items(), strict=True):
        drawn = [standing for standing in comparison.standings[:_MOST] if standing.label in values]
        axes.vlines(
            [values[one.label] for one in drawn],
            [one.low for one in drawn],
            [one.high for one in drawn],
            colors=[style(numbered[one.label])[0] for one in drawn],
            linewidth=1.4,
        )
        for one in drawn:
            colour, marker, _ = style(numbered[one.label])
            axes.plot(
                values[one.label],
                one.score,
                marker=marker,
                markersize=7,
                color=colour,
                linestyle="none",
                label=folded(one.label),
                clip_on=False,
            )
        scale = svg.logarithmic(values.values())
        axes.set(xscale="log", xlabel=label, xlim=(scale.low, scale.high))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(scale.ticks, [scale.label(tick) for tick in scale.ticks])
        axes.grid(color="0.88", linewidth=0.7)
    if (guess := guess_of(comparison.task)) is not None:
        for axes in all_axes:
            axes.axhline(guess, color="0.45", linestyle=(0, (4, 3)), linewidth=1, label="one constant answer")
    all_axes[0].set_ylabel(f"{comparison.metric} on test")
    ends = [end for one in comparison.standings[:_MOST] for end in (one.low, one.high)]
    all_axes[0].set_ylim(within_shares(all_axes[0].get_ylim(), ends))
    handles = {
        label: handle for axes in all_axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    all_axes[-1].legend(
        handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0
    )
    return figure


def _types(comparison: Comparison, numbered: Mapping[str, int]) -> Figure:
    kinds = comparison.types
    standings = comparison.standings[:_MOST]
    figure, (axes,) = _canvas(comparison, 1, max(1.5 + 0.4 * len(kinds), 1 + 0.19 * len(standings)))
    for place, standing in enumerate(standings):
        colour, marker, _ = style(numbered[standing.label])
        values = [median_of(standing, f"{comparison.split_metric}.{kind}") for kind in kinds]
        offset = 0.5 * (place / max(len(standings) - 1, 1) - 0.5)
        drawn = [(value, row + offset) for row, value in enumerate(values) if value is not None]
        if drawn:
            axes.plot(
                *zip(*drawn, strict=True),
                linestyle="none",
                marker=marker,
                color=colour,
                label=folded(standing.label),
                clip_on=False,
            )
    axes.set_yticks(range(len(kinds)), [folded(kind) for kind in kinds])
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlabel(f"{comparison.split_metric} of one type, median over seeds")
    axes.set_xlim(within_shares(axes.get_xlim(), axes.dataLim.intervalx))
    axes.grid(color="0.88", linewidth=0.7)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)
    return figure


def _canvas(comparison: Comparison, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4.2 + 2.8 * columns, height), layout="constrained")
    all_axes = list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])
    caution = "\n" + folded(f"({comparison.caveat})", _TITLE) if comparison.caveat else ""
    all_axes[0].set_title(folded(comparison.title, _TITLE) + caution, loc="left")
    for axes in all_axes:
        axes.set_axisbelow(True)
    return figure, all_axes


def _cost_rows(comparison: Comparison, found: Mapping[str, Mapping[str, float]]) -> list[dict[str, object]]:
    return [
        {
            "dataset": comparison.dataset,
            "size": comparison.size_shown,
            "encoder": standing.label,
            comparison.metric: standing.score,
            "low": standing.low,
            "high": standing.high,
            **{label: values.get(standing.label) for label, values in found.items()},
        }
        for standing in comparison.standings
    ]


def _type_rows(comparison: Comparison) -> list[dict[str, object]]:
    return [
        {
            "dataset": comparison.dataset,
            "size": comparison.size_shown,
            "encoder": standing.label,
            "type": kind,
            f"median {comparison.split_metric}": median_of(standing, f"{comparison.split_metric}.{kind}"),
        }
        for standing in comparison.standings
        for kind in comparison.types
    ]
