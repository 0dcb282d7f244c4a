"""Quality against throughput, with the Pareto front. Joins the scores of runs with the points of a bench."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.comparison.entries import Entry, entries
from harness.comparison.intervals import interval_over_seeds
from harness.comparison.names import size_in_words
from harness.progress import counted
from harness.report.cost.curves import by_setting, curve, models_of
from harness.report.cost.front import Place, front
from harness.report.cost.plots import style_of
from harness.report.drawing import SETTINGS, folded, save, within_shares
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
        model: name of the encoder.
        score: median test score over the seeds of its best learning rate on dev.
        score_low, score_high: the interval of the median for new seeds; equal to ``score`` where there is one seed.
        n_runs: number of these runs.
        tokens_per_s: median throughput.
        length: at which the throughput was measured.
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
    efficient: bool


def tradeoffs(records: Sequence[PointRecord], runs: Iterable[RunRecord]) -> list[Tradeoff]:
    """One for each task and encoder that have both a finished run of the bench's size and a measured point.

    On each task, encoders are compared at the recipe that most of them were run with, whatever the learning rate.
    """
    size = records[0]["point"]["size"]
    throughput = {model: nearest(curve(records, model)) for model in models_of(records) if curve(records, model)}
    by_task: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries(runs):
        if entry.size == size and entry.model in throughput and not entry.trained_on:
            by_task[entry.dataset].append(entry)
    found = [
        Tradeoff(
            task,
            entry.metric,
            entry.model,
            *interval_over_seeds(entry.scores(), entry.lowest, entry.pretrainings),
            len(entry.runs),
            *throughput[entry.model],
            efficient=False,
        )
        for task, of_task in by_task.items()
        for entry in _largest_comparison(of_task)
    ]
    places: dict[str, dict[str, Place]] = defaultdict(dict)
    for one in found:
        places[one.task][one.model] = -one.tokens_per_s, one.score
    best = {task: front(there) for task, there in places.items()}
    return [replace(one, efficient=one.model in best[one.task]) for one in found]


def _largest_comparison(of_task: Sequence[Entry]) -> list[Entry]:
    """The entries of the recipe with most encoders, and then most runs: for each encoder the one that is best on dev."""
    by_recipe: dict[str, list[Entry]] = defaultdict(list)
    for entry in of_task:
        same = [entry.recipe, entry.fingerprint, entry.runs[0]["task"]["options"]]
        by_recipe[json.dumps(same, sort_keys=True)].append(entry)
    largest = max(
        by_recipe.values(),
        key=lambda same: (len({entry.model for entry in same}), sum(len(entry.runs) for entry in same)),
    )
    of_encoder = {entry.model: entry for entry in sorted(largest, key=_best_on_dev)}
    return [of_encoder[model] for model in sorted(of_encoder)]


def _best_on_dev(entry: Entry) -> float:
    return entry.dev_by_learning_rate.get(entry.learning_rate, 0.0)


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
    axes.set_xlabel(f"throughput at {first.length:,} tokens, {point['mode']}, {point['precision']}, tokens/s")
    axes.set_title(
        f"{size_in_words(point['size'])}, {counted(point['threads'], 'thread')}\n{folded(point['machine'], 60)}",
        loc="left",
    )
    _draw(axes, records, tradeoffs)
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


def _draw(axes: Axes, records: Sequence[PointRecord], tradeoffs: Sequence[Tradeoff]) -> None:
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
    for found in tradeoffs:
        colour, marker, _ = style_of(records, found.model)
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
