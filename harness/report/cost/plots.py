"""Figures of a bench: throughput, latency and memory against length, and the ratio to a baseline. PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from harness.comparison.names import size_in_words
from harness.progress import counted
from harness.report.cost.curves import (
    REASONS,
    best_batches,
    by_best_batch,
    by_setting,
    curve,
    end_of_curve,
    exponent,
    models_of,
    peak_mib,
    ratios,
)
from harness.report.drawing import LONGEST_LINE, SETTINGS, folded, save, short_length
from harness.report.styles import Style, style, styles_of
from harness.store.record import MeasuredPoint, PointRecord, Quantiles

END_MARKS = {"oom": "x", "timeout": 4, "beyond_max_length": "|", "unsupported": "1", "failed": "+"}
"""4 is matplotlib's caret to the left."""

Interval = tuple[float, float, float]
"""Median, p10, p90."""


def write(records: Sequence[PointRecord], baseline: str, folder: Path) -> list[Path]:
    """Draw the figures of every setting in these records; returns the files.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with mpl.rc_context(SETTINGS):
        for name, group in by_setting(records).items():
            if not any(record["status"] == "ok" for record in group):
                continue
            for kind, figure in _figures(group, baseline).items():
                files += save(figure, folder / f"{name}-{kind}")
        for name, group in by_best_batch(records).items():
            if best := best_batches(group):
                files += save(_best_batch_figure(best), folder / f"{name}-throughput")
    return files


def _best_batch_figure(best: Sequence[MeasuredPoint]) -> Figure:
    """The best throughput over batches against length; numbers beside the points are texts of the batch."""
    figure = _against_length(
        best, "best throughput over batches, tokens/s", lambda record: _interval(record["tokens_per_s"]), any_batch=True
    )
    for record in best:
        place = record["point"]["length"], record["tokens_per_s"]["median"]
        figure.axes[0].annotate(
            f"{record['point']['batch_size']}", place, (5, 5), textcoords="offset points", fontsize=7.5, color="0.35"
        )
    return figure


def _figures(records: Sequence[PointRecord], baseline: str) -> dict[str, Figure]:
    figures = {
        "throughput": _against_length(
            records, "throughput, tokens/s", lambda record: _interval(record["tokens_per_s"])
        ),
        "latency": _against_length(
            records, "latency of a batch, ms", lambda record: _interval(record["latency_ms"]), fit=True
        ),
    }
    if any((peak_mib(record) or 0) > 0 for record in records if record["status"] == "ok"):
        figures["memory"] = _against_length(records, "peak memory above the loaded model, MiB", _memory, fit=True)
    if len(models_of(records)) > 1 and curve(records, baseline):
        figures["ratio"] = _ratio_figure(records, baseline)
    return figures


def _interval(quantiles: Quantiles) -> Interval:
    return quantiles["median"], quantiles["p10"], quantiles["p90"]


def _memory(record: PointRecord) -> Interval | None:
    value = peak_mib(record)
    return (value, value, value) if value is not None and value > 0 else None


def _against_length(
    records: Sequence[PointRecord],
    label: str,
    value: Callable[[MeasuredPoint], Interval | None],
    *,
    fit: bool = False,
    any_batch: bool = False,
) -> Figure:
    """One curve for each model on logarithmic axes, with intervals; where a curve ends, a mark says why."""
    figure, axes = _canvas(records, label, any_batch)
    handles = []
    for model in models_of(records):
        points = [_drawn(record, *found) for record in curve(records, model) if (found := value(record))]
        _draw(axes, records, model, points)
        grows = exponent([point.length for point in points], [point.median for point in points]) if fit else None
        handles.append(_handle(records, model, rf", $\propto L^{{{grows:.2f}}}$" if grows is not None else ""))
    spread = any(
        low < high for record in records if record["status"] == "ok" for _, low, high in [value(record) or (0, 0, 0)]
    )
    _finish(axes, records, handles, "three longest texts" if fit else None, spread=spread)
    return figure


def _ratio_figure(records: Sequence[PointRecord], baseline: str) -> Figure:
    compared = {record["point"]["length"] for record in curve(records, baseline)}
    records = [record for record in records if record["point"]["length"] in compared]
    figure, axes = _canvas(records, f"throughput, ratio to {baseline}")
    handles = []
    for model in models_of(records):
        found = ratios(records, model, baseline)
        if model == baseline:
            found = dict.fromkeys(found, (1.0, 1.0, 1.0))
        measured = [record for record in curve(records, model) if record["point"]["length"] in found]
        points = [_drawn(record, *found[record["point"]["length"]]) for record in measured]
        _draw(axes, records, model, points, ends=False)
        handles.append(_handle(records, model, " = 1" if model == baseline else "", ends=False))
    _finish(axes, records, handles, None, ends=False)
    return figure


def _canvas(records: Sequence[PointRecord], label: str, any_batch: bool = False) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    point = records[0]["point"]
    lengths = sorted({record["point"]["length"] for record in records})
    axes.set(xscale="log", yscale="log", xlabel="tokens of a text (L)", ylabel=label)
    axes.set_title(
        f"{point['mode']}, {size_in_words(point['size'])}, {point['precision']}, {point['attention']} attention"
        f", {'batch beside each point' if any_batch else point['batching']}, {counted(point['threads'], 'thread')}\n"
        f"{folded(point['machine'], 2 * LONGEST_LINE)}",
        loc="left",
        parse_math=False,
    )
    axes.xaxis.set_major_locator(FixedLocator(_spread(lengths)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_length(round(value))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(lengths[0] / 1.3, lengths[-1] * 1.5)
    axes.grid(True, which="major", color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _spread(lengths: Sequence[int]) -> list[int]:
    """Lengths whose labels do not touch each other, the longest always among them."""
    apart = (lengths[-1] / lengths[0]) ** (1 / 14)
    kept = [lengths[-1]]
    for length in reversed(lengths[:-1]):
        if kept[-1] / length >= apart:
            kept.append(length)
    return kept[::-1]


class _Drawn(NamedTuple):
    """A point of a curve; ``extended`` says whether it is beyond the model's own length."""

    length: int
    median: float
    low: float
    high: float
    extended: bool


def _drawn(record: PointRecord, median: float, low: float, high: float) -> _Drawn:
    return _Drawn(record["point"]["length"], median, low, high, record["point"]["extended"])


def _draw(
    axes: Axes,
    records: Sequence[PointRecord],
    model: str,
    points: Sequence[_Drawn],
    ends: bool = True,
) -> None:
    if not points:
        return
    colour, marker, line = style_of(records, model)
    places = [point.length * _dodge(records, model) for point in points]
    medians = [point.median for point in points]
    below = [max(point.median - point.low, 0.0) for point in points]
    above = [max(point.high - point.median, 0.0) for point in points]
    axes.errorbar(places, medians, [below, above], color=colour, linestyle=line, linewidth=1.6, capsize=2.5, zorder=3)
    for place, point in zip(places, points, strict=True):
        face = "white" if point.extended else colour
        axes.plot(place, point.median, marker=marker, markersize=6.5, color=colour, markerfacecolor=face, zorder=4)
    end = end_of_curve(records, model) if ends else None
    if end:
        # A little after the last point, where the curve would have continued.
        axes.plot(
            places[-1] * 1.22,
            medians[-1],
            marker=END_MARKS[end[0]],
            color=colour,
            markersize=9,
            markeredgewidth=2,
            zorder=4,
        )


def _handle(records: Sequence[PointRecord], model: str, remark: str, ends: bool = True) -> Line2D:
    colour, marker, line = style_of(records, model)
    end = end_of_curve(records, model) if ends else None
    name = folded(model).replace("$", r"\$")  # the remark is mathematics
    label = f"{name}{remark}" + (f"\n  {REASONS[end[0]]} at {short_length(end[1])}" if end else "")
    return Line2D([], [], color=colour, marker=marker, linestyle=line, linewidth=1.6, markersize=6.5, label=label)


def _finish(
    axes: Axes,
    records: Sequence[PointRecord],
    handles: list[Line2D],
    fitted: str | None,
    ends: bool = True,
    spread: bool = True,
) -> None:
    """Ticks for the range that is drawn, and the legend beside the axes: models, then the meaning of the marks."""
    lowest, highest = axes.dataLim.intervaly
    if highest < 1.01 * lowest:
        axes.update_datalim([(1, lowest / 2), (1, highest * 2)], updatex=False)
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 3000 else (1.0, 2.0, 5.0)))
    meanings = []
    if any(record["point"]["extended"] for record in records if record["status"] == "ok"):
        meanings.append(_mark("o", "hollow: positions extended,\nfor cost only", hollow=True))
    found = {end[0] for model in models_of(records) if ends and (end := end_of_curve(records, model))}
    meanings += [_mark(END_MARKS[status], REASONS[status]) for status in END_MARKS if status in found]
    notes = [note for note in (spread and "bars: p10 to p90", fitted and f"exponent of L: {fitted}") if note]
    meanings += [Line2D([], [], linestyle="none", label=note) for note in notes]
    axes.legend(
        handles=[*handles, *meanings],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        handlelength=3.4,
        labelspacing=0.7,
        borderaxespad=0.0,
    )


def _mark(marker: Any, label: str, hollow: bool = False) -> Line2D:
    face = "white" if hollow else "0.35"
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        color="0.35",
        markerfacecolor=face,
        markersize=8,
        markeredgewidth=1.6,
        label=label,
    )


def _dodge(records: Sequence[PointRecord], model: str) -> float:
    """A small shift, so that the intervals of models with equal cost do not hide each other."""
    names = models_of(records)
    return float(1.025 ** (names.index(model) - (len(names) - 1) / 2))


def style_of(records: Sequence[PointRecord], model: str) -> Style:
    """Colour, marker and line of a model among these."""
    return style(styles_of(models_of(records))[model])
