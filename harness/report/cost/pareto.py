"""Quality against throughput, with the Pareto front. Joins the scores of runs with the points of a bench."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.comparison.entries import Entry
from harness.comparison.marks import Mark
from harness.comparison.names import size_in_words
from harness.progress import counted
from harness.report.comparable import Comparison, comparisons
from harness.report.cost.curves import by_setting
from harness.report.cost.front import Place, front
from harness.report.cost.matching import points_of
from harness.report.drawing import SETTINGS, folded, save, within_shares
from harness.report.styles import style, styles_of
from harness.report.table import as_csv, frame_of
from harness.store import RunRecord
from harness.store.record import MeasuredPoint, PointRecord
from harness.text_file import write_whole

LENGTH = 512
"""Tokens. Throughput is that of the measured length nearest to this one on a logarithmic scale."""


@dataclass(frozen=True)
class Tradeoff:
    """An encoder's quality on a task and its cost.

    Attributes:
        task, metric: what the score is.
        model: label of the encoder, with weights and engine where they say something.
        score: median test score over the seeds of its best learning rate on dev.
        score_low, score_high: the interval of the median for new seeds; equal to ``score`` where there is one seed.
        n_runs: number of these runs.
        tokens_per_s: median throughput.
        length: at which the throughput was measured.
        caution: what limits the meaning of the score; empty where nothing is declared.
        efficient: on the Pareto front: no other encoder is at least as good in both and better in one.
    """

    task: str
    metric: str
    model: str
    score: float
    score_low: float
    score_high: float
    n_runs: int
    tokens_per_s: float
    length: int
    caution: str
    efficient: bool


def tradeoffs(records: Sequence[PointRecord], runs: Iterable[RunRecord]) -> list[Tradeoff]:
    """One for each task and encoder that has scores and whose model was measured, see `harness.report.cost.matching`.

    On each task, encoders are compared at the recipe that most of them were run with, whatever the learning rate. Trials and
    test sets of other trainings do not count.

    Args:
        records: points of one setting.
        runs: finished runs.
    """
    points = [record for record in records if record["status"] == "ok"]
    by_task: dict[str, list[list[Tradeoff]]] = defaultdict(list)
    for comparison in comparisons(runs, _unjudged):
        is_trial = comparison.recipe.get("test_limit") is not None
        if not is_trial and not comparison.trained_on:
            by_task[comparison.dataset].append(_of_comparison(comparison, points))
    largest = (max(of_task, key=_extent) for of_task in by_task.values())
    return [one for found in largest for one in _with_front(found)]


def _unjudged(ranked: Sequence[Entry]) -> tuple[list[Mark], str]:
    """The figure shows intervals and no marks, so no test is needed."""
    return [""] * len(ranked), ""


def _of_comparison(comparison: Comparison, points: Sequence[MeasuredPoint]) -> list[Tradeoff]:
    """The measured encoders of a comparison, by label."""
    measured = ((one, points_of(one.entry, points)) for one in sorted(comparison.standings, key=lambda one: one.label))
    return [
        Tradeoff(
            comparison.dataset,
            comparison.metric,
            one.label,
            one.score,
            one.low,
            one.high,
            len(one.scores),
            *nearest(own),
            comparison.caveat,
            efficient=False,
        )
        for one, own in measured
        if own
    ]


def _extent(found: Sequence[Tradeoff]) -> tuple[int, int]:
    """How many encoders, and how many runs of them."""
    return len(found), sum(one.n_runs for one in found)


def _with_front(found: Sequence[Tradeoff]) -> list[Tradeoff]:
    """The same encoders, with those on the Pareto front marked."""
    places: dict[str, Place] = {one.model: (-one.tokens_per_s, one.score) for one in found}
    best = front(places)
    return [replace(one, efficient=one.model in best) for one in found]


def nearest(points: Sequence[MeasuredPoint]) -> tuple[float, int]:
    """Median tokens per second and the length they were measured at: of these points the nearest to `LENGTH`."""
    closest = min(points, key=lambda record: abs(np.log(record["point"]["length"] / LENGTH)))
    return float(closest["tokens_per_s"]["median"]), int(closest["point"]["length"])


def write(records: Sequence[PointRecord], runs: Iterable[RunRecord], folder: Path) -> list[Path]:
    """Draw quality against throughput for every task with two encoders or more; returns the files.

    Args:
        records: of a bench.
        runs: finished runs of the same store.
        folder: made where it is missing.

    Raises:
        OSError: the folder cannot be written.
    """
    runs, files = list(runs), list[Path]()
    for name, group in by_setting(records).items():
        found = tradeoffs(group, runs)
        for task in sorted({tradeoff.task for tradeoff in found}):
            here = [tradeoff for tradeoff in found if tradeoff.task == task]
            if len(here) < 2:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            stem = f"{name}-pareto-{task.replace('/', '-')}"
            data = write_whole(folder / f"{stem}.csv", as_csv(frame_of(asdict(tradeoff) for tradeoff in here)))
            with mpl.rc_context({**SETTINGS, "text.parse_math": False}):
                files += [data, *save(_figure(group, here), folder / stem)]
    return files


def _figure(records: Sequence[PointRecord], tradeoffs: Sequence[Tradeoff]) -> Figure:
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    point, first = records[0]["point"], tradeoffs[0]
    axes.set(xscale="log", ylabel=folded(f"{first.metric} on {first.task}, median and 95 % interval"))
    lengths = " or ".join(f"{length:,}" for length in sorted({found.length for found in tradeoffs}))
    axes.set_xlabel(f"throughput at {lengths} tokens, {point['mode']}, {point['precision']}, tokens/s")
    caution = "\n" + folded(f"({first.caution})", 60) if first.caution else ""
    axes.set_title(
        f"{size_in_words(point['size'])}, {counted(point['threads'], 'thread')}\n{folded(point['machine'], 60)}{caution}",
        loc="left",
    )
    _draw(axes, tradeoffs)
    axes.margins(x=0.12, y=0.12)
    axes.set_ylim(within_shares(axes.get_ylim(), [end for t in tradeoffs for end in (t.score_low, t.score_high)]))
    axes.grid(True, color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return figure


def _draw(axes: Axes, tradeoffs: Sequence[Tradeoff]) -> None:
    """The encoders with the intervals of their scores, and the Pareto front."""
    efficient = sorted((t for t in tradeoffs if t.efficient), key=lambda t: t.tokens_per_s)
    axes.step(
        [t.tokens_per_s for t in efficient],
        [t.score for t in efficient],
        where="pre",
        color="0.6",
        linewidth=1.2,
        zorder=1,
        label="Pareto front",
    )
    numbered = styles_of(found.model for found in tradeoffs)
    for found in tradeoffs:
        colour, marker, _ = style(numbered[found.model])
        spread = [[found.score - found.score_low], [found.score_high - found.score]]
        axes.errorbar(
            found.tokens_per_s,
            found.score,
            spread,
            color=colour,
            marker=marker,
            markersize=8,
            capsize=3,
            linestyle="none",
            label=folded(f"{found.model} (n {found.n_runs})"),
            clip_on=False,
            zorder=3,
        )
