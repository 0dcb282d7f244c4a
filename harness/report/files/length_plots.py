"""Figures of scores by length: the map of one model over length and depth (or pairs), and all models against length. PNG, SVG, CSV.

The map runs from dark blue to yellow and gets lighter on the way (cividis: Nunez et al., 2018), and every cell shows its number,
so it can be read in grey and by colour-blind readers. What the encoder never saw is hatched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.report.drawing import LONGEST_LINE, SETTINGS, folded, save, short_length
from harness.report.length_table import LengthScore, as_rows, lengths_of, of_predictions, of_records
from harness.report.metric_names import axis_of, shown, value_of
from harness.report.styles import style, styles_of
from harness.report.table import as_csv, frame_of
from harness.store import RunRecord
from harness.text_file import write_whole

_CUT: dict[str, Any] = {"linewidth": 0.8, "markerfacecolor": "white"}
"""How lines and marks are drawn where inputs are cut."""


def heat_map(
    model: str, predictions: Iterable[Mapping[str, Any]], metric: str, stem: Path, title: str = ""
) -> list[Path]:
    """Draw the score of one run at each length and part of its inputs; returns PNG, SVG and CSV.

    Args:
        model: name of the encoder, for the title.
        predictions: rows of the run's predictions; those of test are drawn.
        metric: full name of the main metric.
        stem: the files' path without suffix; its folder is made where it is missing.
        title: says more of the run, such as its dataset.

    Raises:
        OSError: the folder cannot be written.
    """
    scores = of_predictions(model, predictions)
    cells = [one for one in scores if one.part is not None]
    with mpl.rc_context(SETTINGS):
        figure = _map(cells, metric)
        figure.axes[0].set_title(folded(model + (f", {title}" if title else "")), loc="left", parse_math=False)
        if any(one.unseen for one in cells):
            hatched = Patch(facecolor="white", edgecolor="0.35", hatch="////", label="cut off, never seen: missed")
            figure.legend(handles=[hatched], loc="outside lower left", frameon=False)
        return _saved(figure, stem, scores, metric)


def against_length(records: Sequence[RunRecord], stem: Path, title: str = "") -> list[Path]:
    """Draw the score of every model against length, over all inputs of a length; returns PNG, SVG and CSV.

    From the first length at which an encoder's inputs are cut its line is thin and its marks are hollow.

    Args:
        records: finished runs of one dataset that is scored by length; runs of one model are averaged.
        stem: the files' path without suffix; its folder is made where it is missing.
        title: says more of the runs, such as their dataset.

    Raises:
        OSError: the folder cannot be written.
    """
    metric = records[0]["task"]["metric"]
    scores = of_records(records)
    numbered = styles_of(one.model for one in scores)
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(8.2, 4.6), layout="constrained")
        axes = figure.add_subplot()
        _prepare(axes, lengths_of(scores), metric)
        handles = [_line(axes, scores, model, numbered[model]) for model in sorted(numbered, key=numbered.__getitem__)]
        axes.set_title(folded(title, 2 * LONGEST_LINE), loc="left", parse_math=False)
        if any(one.truncated for one in scores):
            handles += axes.plot([], [], color="0.3", marker="o", **_CUT, label="inputs cut at the\nencoder's maximum")
        figure.legend(handles=handles, loc="outside right upper", frameon=False, handlelength=3.5)
        return _saved(figure, stem, scores, metric)


def _map(cells: Sequence[LengthScore], metric: str) -> Figure:
    """The cells by length and part, with a colour bar."""
    lengths, parts = lengths_of(cells), sorted({one.part for one in cells if one.part is not None}, key=value_of)
    figure = Figure(figsize=(2.6 + 0.85 * len(lengths), 1.7 + 0.48 * len(parts)), layout="constrained")
    axes = figure.add_subplot()
    values = np.full((len(parts), len(lengths)), np.nan)
    places = {one: (lengths.index(one.length), parts.index(one.part)) for one in cells if one.part is not None}
    for one, (column, line) in places.items():
        values[line, column] = one.score
    image = axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for one, (column, line) in places.items():
        _cell(axes, column, line, one)
    axes.set_xticks(range(len(lengths)), [short_length(length) for length in lengths])
    axes.set_yticks(range(len(parts)), [shown(part) for part in parts])
    axes.set(xlabel="tokens of the input", ylabel=axis_of(parts).name)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label=metric, format=FuncFormatter(_percent))
    return figure


def _cell(axes: Axes, column: int, line: int, one: LengthScore) -> None:
    """One cell of the map: its number, and hatching over the share that was never seen."""
    if one.unseen:
        place = (column - 0.5, line + 0.5 - one.unseen)
        axes.add_patch(Rectangle(place, 1, one.unseen, facecolor="white", edgecolor="0.35", hatch="////", linewidth=0))
    dark = not one.unseen and one.score < 0.5
    axes.text(
        column,
        line,
        f"{100 * one.score:.0f}",
        ha="center",
        va="center",
        color="white" if dark else "black",
        bbox={"facecolor": "white" if one.unseen else "none", "edgecolor": "none", "pad": 1.5},
    )


def _prepare(axes: Axes, lengths: Sequence[int], metric: str) -> None:
    """Axes of lengths and shares."""
    axes.set(xscale="log", ylim=(0, 1), xlabel="tokens of the input", ylabel=metric)
    axes.xaxis.set_major_locator(FixedLocator(lengths))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda length, _: short_length(int(length))))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _line(axes: Axes, scores: Sequence[LengthScore], model: str, number: int) -> Line2D:
    """Draw one model's line; returns its entry of the legend."""
    color, marker, dashes = style(number)
    points = [one for one in scores if one.model == model and one.part is None]
    whole = [(one.length, one.score) for one in points if not one.truncated]
    cut = [(one.length, one.score) for one in points if one.truncated]
    drawn: dict[str, Any] = {"color": color, "marker": marker, "linestyle": dashes, "clip_on": False}
    if cut:
        # From the last whole point on, whose own mark is drawn over it below.
        axes.plot(*zip(*whole[-1:], *cut, strict=True), **drawn, **_CUT)
    [line] = axes.plot(*(zip(*whole, strict=True) if whole else ([], [])), **drawn, linewidth=1.8, label=folded(model))
    return line


def _percent(share: float, _: object) -> str:
    return f"{100 * share:.0f} %"


def _saved(figure: Figure, stem: Path, scores: Sequence[LengthScore], metric: str) -> list[Path]:
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = save(figure, stem)
    return [*files, write_whole(stem.with_name(f"{stem.name}.csv"), as_csv(frame_of(as_rows(scores, metric))))]
