"""The figure of a study of ablations: for each measure how far every variant is from the baseline, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.ablation.judgement import AGREES, DISAGREES, HELD_OUT, Judged
from harness.report.drawing import PLAIN, folded, save

NAME = "ablations"
_COLOURS = {AGREES: "#009E73", DISAGREES: "#D55E00"}
_UNDECIDED = "0.35"
_PANELS = 4
"""Most measures in the figure; the tables have all."""


def write(judged: Sequence[Judged], title: str, folder: Path) -> list[Path]:
    """Draw the differences that there are; returns the files, none if there is no difference.

    Args:
        judged: variants beside the baseline, by measure.
        title: of the figure.
        folder: must exist.

    Raises:
        OSError: the folder cannot be written.
    """
    drawn = [one for one in judged if not math.isnan(one.difference.value)]
    measures = list(dict.fromkeys(one.measure for one in drawn))
    if not measures:
        return []
    measures, left_out = measures[:_PANELS], len(measures[_PANELS:])
    variants = list(dict.fromkeys(one.variant for one in drawn))
    with mpl.rc_context(PLAIN):
        figure = Figure(figsize=(2.2 + 3.6 * len(measures), 1.6 + 0.28 * len(variants)), layout="constrained")
        for axes, measure in zip(
            figure.subplots(1, len(measures), sharey=True, squeeze=False).flat, measures, strict=True
        ):
            _draw(axes, [one for one in drawn if one.measure == measure], variants)
        more = f". The tables have {left_out} more {'measures' if left_out > 1 else 'measure'}" if left_out else ""
        figure.suptitle(
            folded(f"{title}. {_legend(drawn)}{more}", 60 + 30 * len(measures)), x=0.01, ha="left", fontsize=10.5
        )
        return save(figure, folder / NAME)


def _legend(drawn: Sequence[Judged]) -> str:
    """What the bars and colours mean, and which differences have no interval or one of these weights alone."""
    has_interval = [not math.isnan(one.difference.low) for one in drawn]
    of_weights = any(known and one.pretraining_seeds == 1 for one, known in zip(drawn, has_interval, strict=True))
    bars = [
        "Difference from the baseline with its 95 % interval, cut where it leaves the panel",
        *["a difference of single runs has none"] * (not all(has_interval)),
        *["with one pretraining seed it holds for these weights alone"] * of_weights,
    ]
    return (
        f"{'; '.join(bars)}. Green: {AGREES} with the paper's finding; orange: {DISAGREES}; grey: cannot tell, or no finding is "
        "published"
    )


def _draw(axes: Axes, judged: Sequence[Judged], variants: Sequence[str]) -> None:
    held_out = judged[0].measure == HELD_OUT
    axes.axvline(0, color="0.6", linewidth=1)
    for one in judged:
        place, colour = variants.index(one.variant), _COLOURS.get(one.verdict, _UNDECIDED)
        axes.hlines(place, one.difference.low, one.difference.high, colors=colour, linewidth=1.6)
        axes.plot(one.difference.value, place, marker="o", markersize=5.5, color=colour, linestyle="none")
    furthest = max(abs(one.difference.value) for one in judged) or 1.0
    axes.set_xlim(-1.3 * furthest, 1.3 * furthest)
    axes.set_xlabel(
        "bits a byte on held-out text\n(left is better)" if held_out else f"{judged[0].metric}\n(right is better)"
    )
    axes.set_title("pretraining" if held_out else judged[0].measure)
    axes.set_yticks(range(len(variants)), [folded(name) for name in variants])
    axes.set_ylim(len(variants) - 0.4, -0.6)
    axes.grid(color="0.88", linewidth=0.7, axis="x")
    axes.set_axisbelow(True)
