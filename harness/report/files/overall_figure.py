"""The figure of quality against cost: all models of all sizes, one panel for each kind of cost, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.progress import counted
from harness.report.cost.front import steps
from harness.report.drawing import PLAIN, folded, save, within_shares
from harness.report.overall import tradeoff
from harness.report.overall.rows import Overall, Row
from harness.report.page import svg
from harness.report.styles import style

NAME = "overall-cost"
_MOST = 40
"""Most models in the figure; the table has all."""


def write(overall: Overall, numbered: Mapping[str, int], folder: Path) -> list[Path]:
    """Draw the figure if there are two models with a cost or more; returns its files.

    Args:
        overall: the best 40 models are drawn.
        numbered: number of each model's style by name, as on the page.
        folder: made if there is something to draw.

    Raises:
        OSError: the folder cannot be written.
    """
    costs = tradeoff.costs(overall)
    if not costs:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(PLAIN):
        figure = _figure([row for row in overall.rows if row.learned][:_MOST], numbered, costs)
        figure.suptitle(folded(caption(overall), 100), x=0.01, ha="left", fontsize=10.5)
        return save(figure, folder / NAME)


def caption(overall: Overall) -> str:
    """What the figure shows, for a reader without the report."""
    return (
        f"Mean score over {counted(len(overall.datasets), 'dataset')} with 95 % intervals over seeds and test examples, "
        "against cost. Grey: Pareto front"
    )


def _figure(rows: Sequence[Row], numbered: Mapping[str, int], costs: Mapping[str, Mapping[str, float]]) -> Figure:
    down = -(-len(costs) // 2)
    figure = Figure(figsize=(9.6, max(3.2 * down + 0.6, 1 + 0.2 * len(rows))), layout="constrained")
    all_axes = list(figure.subplots(down, min(len(costs), 2), sharey=True, squeeze=False).flat)
    for axes, (kind, cost) in zip(all_axes, costs.items(), strict=False):
        _draw(axes, [row for row in rows if row.name in cost], numbered, kind, cost)
    for axes in all_axes[len(costs) :]:
        axes.set_axis_off()
    ends = [end for row in rows if row.score for end in row.score]
    all_axes[0].set_ylim(within_shares(all_axes[0].get_ylim(), ends))
    handles = {
        label: handle for axes in all_axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)
    return figure


def _draw(axes: Axes, rows: Sequence[Row], numbered: Mapping[str, int], kind: str, cost: Mapping[str, float]) -> None:
    corners = steps(tradeoff.scored(rows, cost))
    axes.plot(*zip(*corners, strict=True), color="0.6", linewidth=1.2, zorder=1)
    for row in rows:
        if row.score:
            colour, marker, _ = style(numbered[row.name])
            axes.vlines(cost[row.name], row.score.low, row.score.high, colors=colour, linewidth=1.4)
            axes.plot(
                cost[row.name],
                row.score.value,
                marker=marker,
                markersize=7,
                color=colour,
                linestyle="none",
                label=folded(row.name, 30),
                clip_on=False,
            )
    scale = svg.logarithmic(cost.values())
    axes.set(xscale="log", xlabel=kind, ylabel="mean score", xlim=(scale.low, scale.high))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(scale.ticks, [scale.label(tick) for tick in scale.ticks])
    axes.set_axisbelow(True)
    axes.grid(color="0.88", linewidth=0.7)
