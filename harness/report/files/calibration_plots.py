"""Reliability diagrams for a paper, one for each comparison with probabilities: PNG and SVG, and the bins as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from harness.report.calibration import FEW, Calibration, bins_of
from harness.report.drawing import PLAIN, folded, save
from harness.report.styles import style
from harness.report.table import as_csv
from harness.text_file import write_whole

_MOST = 12
"""Encoders in one figure; the CSV file has all."""
_TITLE = 60
"""Characters of a title on one line."""


def write(found: Sequence[Calibration], numbered: Mapping[str, int], folder: Path) -> list[Path]:
    """Draw every calibration; returns the files.

    Args:
        found: of comparisons.
        numbered: number of each encoder's style, as on the page.
        folder: made if there is something to draw.

    Raises:
        OSError: the folder cannot be written.
    """
    files: list[Path] = []
    if found:
        folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(PLAIN):
        for one in found:
            stem = folder / f"{one.comparison.name}-calibration"
            data = write_whole(stem.with_name(f"{stem.name}.csv"), as_csv(bins_of(one)))
            files += [data, *save(_figure(one, numbered), stem)]
    return files


def _figure(one: Calibration, numbered: Mapping[str, int]) -> Figure:
    # Without a layout engine: it would shrink the square of the axes to make room for the legend, while `save` adds that room.
    figure = Figure(figsize=(4.6, 4.6))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=1, linestyle="--", label="perfectly calibrated")
    for label, of in list(one.of.items())[:_MOST]:
        colour, marker, line = style(numbered[label])
        there = np.flatnonzero(of.counts)
        sure, right = of.confidence[there], of.frequency[there]
        axes.plot(
            sure, right, color=colour, linestyle=line, linewidth=1.2, label=f"{folded(label)}: ECE {of.error:.3f}"
        )
        for few, filling in ((False, colour), (True, "white")):
            chosen = (of.counts[there] < FEW) == few
            axes.plot(
                sure[chosen], right[chosen], marker, color=colour, markerfacecolor=filling, markersize=5, clip_on=False
            )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"mean probability of {one.unit}", ylabel="share that is right")
    axes.set_aspect("equal")
    axes.grid(color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title(folded(one.comparison.title, _TITLE), loc="left")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.14), frameon=False, borderaxespad=0.0)
    return figure
