"""Figures of needles: the heat map of one model over length and depth, and all models against length. PNG, SVG and CSV.

The map runs from dark blue to yellow by lightness alone as well (cividis: Nunez et al., 2018), and every cell says its number, so it
reads in grey and for the colour-blind; what the encoder never saw is hatched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.report.cost.plots import LONGEST_LINE, SETTINGS, folded, save, short_length, style, styles_of
from harness.report.cost.tables import as_csv
from harness.report.needle_table import ALL, METRIC, lengths_of, table, table_of_predictions
from harness.store import RunRecord

Row = Mapping[str, Any]

_LABEL = "needles found (exact match)"


def heat_map(model: str, predictions: Iterable[Row], stem: Path, title: str = "") -> list[Path]:
    """Draw the share of needles found at each length and depth by one run; returns PNG, SVG and CSV.

    Args:
        model: name of the encoder, for the title.
        predictions: rows of the run's predictions; those of test are drawn.
        stem: the files' path without suffix; its folder is made where it is missing.
        title: says more of the run, such as its dataset.

    Raises:
        OSError: the folder cannot be written.
    """
    rows = table_of_predictions(model, predictions)
    cells = [row for row in rows if row["depth"] != ALL]
    lengths, depths = lengths_of(cells), sorted({row["depth"] for row in cells})
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(2.6 + 0.85 * len(lengths), 1.7 + 0.48 * len(depths)), layout="constrained")
        axes = figure.add_subplot()
        values = np.full((len(depths), len(lengths)), np.nan)
        for row in cells:
            values[depths.index(row["depth"]), lengths.index(row["length"])] = row[METRIC]
        image = axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        for row in cells:
            _cell(axes, lengths.index(row["length"]), depths.index(row["depth"]), row)
        axes.set_xticks(range(len(lengths)), [short_length(length) for length in lengths])
        axes.set_yticks(range(len(depths)), [f"{depth:g} %" for depth in depths])
        axes.set(xlabel="tokens of the input", ylabel="depth of the needle")
        axes.set_title(folded(model + (f", {title}" if title else "")), loc="left", parse_math=False)
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, label=_LABEL, format=FuncFormatter(_percent))
        if any(row["unseen"] for row in cells):
            hatched = Patch(facecolor="white", edgecolor="0.35", hatch="////", label="cut off, never seen: missed")
            figure.legend(handles=[hatched], loc="outside lower left", frameon=False)
        return _saved(figure, stem, rows)


def against_length(records: Sequence[RunRecord], stem: Path, title: str = "") -> list[Path]:
    """Draw the share of needles found by every model against length, over all depths; returns PNG, SVG and CSV.

    From the first length at which an encoder's inputs are cut its line is thin and its marks are hollow.

    Args:
        records: finished runs of one dataset of needles; runs of one model are averaged.
        stem: the files' path without suffix; its folder is made where it is missing.
        title: says more of the runs, such as their dataset.

    Raises:
        OSError: the folder cannot be written.
    """
    rows = table(records)
    numbered = styles_of(row["model"] for row in rows)
    models = sorted({row["model"] for row in rows}, key=lambda model: numbered[model])
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(8.2, 4.6), layout="constrained")
        axes = figure.add_subplot()
        handles = [_line(axes, rows, model, numbered[model]) for model in models]
        lengths = lengths_of(rows)
        axes.set(xscale="log", ylim=(0, 1), xlabel="tokens of the input", ylabel=_LABEL)
        axes.xaxis.set_major_locator(FixedLocator(lengths))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda length, _: short_length(int(length))))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(folded(title, 2 * LONGEST_LINE), loc="left", parse_math=False)
        if any(row["truncated"] for row in rows):
            cut: dict[str, Any] = {"color": "0.3", "marker": "o", "markerfacecolor": "white", "linewidth": 0.8}
            handles += axes.plot([], [], **cut, label="inputs cut at the\nencoder's maximum")
        figure.legend(handles=handles, loc="outside right upper", frameon=False, handlelength=3.5)
        return _saved(figure, stem, rows)


def _cell(axes: Axes, column: int, line: int, row: Row) -> None:
    """What one cell of the map says: its number, and hatching over the share that was never seen."""
    if row["unseen"]:
        size = float(row["unseen"])
        place = (column - 0.5, line + 0.5 - size)
        axes.add_patch(Rectangle(place, 1, size, facecolor="white", edgecolor="0.35", hatch="////", linewidth=0))
    background = "white" if row["unseen"] else "none"
    dark = not row["unseen"] and row[METRIC] < 0.5
    axes.text(
        column,
        line,
        f"{100 * row[METRIC]:.0f}",
        ha="center",
        va="center",
        color="white" if dark else "black",
        bbox={"facecolor": background, "edgecolor": "none", "pad": 1.5},
    )


def _line(axes: Axes, rows: Sequence[Row], model: str, number: int) -> Any:
    """One model's line; returns what the legend shows of it."""
    color, marker, dashes = style(number)
    points = [
        (row["length"], row[METRIC], row["truncated"]) for row in rows if row["model"] == model and row["depth"] == ALL
    ]
    whole = [(length, found) for length, found, truncated in points if not truncated]
    cut = [(length, found) for length, found, truncated in points if truncated]
    drawn: dict[str, Any] = {"color": color, "marker": marker, "linestyle": dashes, "clip_on": False}
    if cut:
        # From the last whole point on, whose own mark is drawn over it below.
        axes.plot(*zip(*whole[-1:], *cut, strict=True), **drawn, linewidth=0.8, markerfacecolor="white")
    [line] = axes.plot(*(zip(*whole, strict=True) if whole else ([], [])), **drawn, linewidth=1.8, label=folded(model))
    return line


def _percent(share: float, _: Any) -> str:
    return f"{100 * share:.0f} %"


def _saved(figure: Figure, stem: Path, rows: Sequence[Row]) -> list[Path]:
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = save(figure, stem)
    data = stem.with_name(f"{stem.name}.csv")
    data.write_text(as_csv([dict(row) for row in rows]), encoding="utf-8")
    return [*files, data]
