"""Quality against throughput: which encoders nobody beats in both. Joins the scores of runs with the points of a bench."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.progress import counted
from harness.report.bench_curves import Record, by_setting, curve, models_of
from harness.report.bench_plots import SETTINGS, save, style_of
from harness.report.bench_tables import as_csv

LENGTH = 512
"""Throughput is read at the measured length nearest to this one, by its logarithm."""


@dataclass(frozen=True)
class Tradeoff:
    """An encoder's quality on a task and its cost.

    Attributes:
        task, metric: what the score is.
        model: name of the encoder.
        score: mean test score over the seeds of its best learning rate on dev.
        score_low, score_high: least and greatest test score of these runs.
        n_runs: how many they are.
        tokens_per_s: median throughput.
        length: at which the throughput was measured.
        efficient: no other encoder is at least as good in both and better in one.
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


def tradeoffs(records: Sequence[Record], runs: Iterable[Record]) -> list[Tradeoff]:
    """One for each task and encoder that have both a finished run of the bench's size and a measured point.

    On each task the encoders are compared by one recipe, learning rate aside: the one that most of them were run with.
    """
    size = records[0]["point"]["size"]
    throughput = {model: nearest(curve(records, model)) for model in models_of(records) if curve(records, model)}
    counted = [run for run in runs if run["status"] == "ok" and run["model"]["size"] == size]
    found = []
    for task, metric in sorted({(run["task"]["dataset"], run["task"]["metric"]) for run in counted}):
        of_task = _largest_comparison([run for run in counted if run["task"]["dataset"] == task])
        for model in sorted({run["model"]["name"] for run in of_task} & throughput.keys()):
            scores = _test_scores([run for run in of_task if run["model"]["name"] == model], metric)
            found.append((task, metric, model, scores, float(np.mean(scores)), *throughput[model]))
    return [
        Tradeoff(
            task, metric, model, score, min(scores), max(scores), len(scores), speed, length,
            efficient=not any(other[0] == task and _beats((other[4], other[5]), (score, speed)) for other in found),
        )
        for task, metric, model, scores, score, speed, length in found
    ]  # fmt: skip


def _largest_comparison(runs: Sequence[Record]) -> list[Record]:
    """The runs by the recipe that most encoders, and then most runs, have in common."""
    by_recipe: dict[str, list[Record]] = {}
    for run in runs:
        recipe = {name: value for name, value in run["recipe"].items() if name not in ("learning_rate", "steps")}
        by_recipe.setdefault(json.dumps([recipe, run["task"].get("n_train")], sort_keys=True), []).append(run)
    return max(by_recipe.values(), key=lambda same: (len({run["model"]["name"] for run in same}), len(same)))


def _test_scores(runs: Sequence[Record], metric: str) -> list[float]:
    """Test scores of one encoder at the learning rate that is best on dev."""
    by_rate: dict[float, list[Record]] = {}
    for run in runs:
        by_rate.setdefault(run["recipe"]["learning_rate"], []).append(run)
    best = max(by_rate.values(), key=lambda same: float(np.mean([run["scores"]["dev"][metric] for run in same])))
    return [float(run["scores"]["test"][metric]) for run in best]


def nearest(points: Sequence[Record]) -> tuple[float, int]:
    """Median tokens per second and the length they were measured at: of these points the nearest to `LENGTH`."""
    closest = min(points, key=lambda record: abs(np.log(record["point"]["length"] / LENGTH)))
    return float(closest["tokens_per_s"]["median"]), int(closest["point"]["length"])


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def write(records: Sequence[Record], runs: Iterable[Record], folder: Path) -> list[Path]:
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
            (folder / f"{stem}.csv").write_text(as_csv([asdict(tradeoff) for tradeoff in here]), encoding="utf-8")
            with mpl.rc_context(SETTINGS):
                files += [folder / f"{stem}.csv", *save(_figure(group, here), folder / stem)]
    return files


def _figure(records: Sequence[Record], tradeoffs: Sequence[Tradeoff]) -> Figure:
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    point, first = records[0]["point"], tradeoffs[0]
    axes.set(xscale="log", ylabel=f"{first.metric} on {first.task}")
    axes.set_xlabel(f"throughput at {first.length:,} tokens, {point['mode']}, {point['precision']}, tokens/s")
    axes.set_title(f"{point['size']}, {counted(point['threads'], 'thread')}\n{point['machine']}", loc="left")
    efficient = sorted((t for t in tradeoffs if t.efficient), key=lambda t: t.tokens_per_s)
    axes.step(
        [t.tokens_per_s for t in efficient], [t.score for t in efficient], where="pre", color="0.6", linewidth=1.2,
        zorder=1, label="nobody is better in both",
    )  # fmt: skip
    for found in tradeoffs:
        colour, marker, _ = style_of(records, found.model)
        spread = [[found.score - found.score_low], [found.score_high - found.score]]
        axes.errorbar(
            found.tokens_per_s, found.score, spread, color=colour, marker=marker, markersize=8, capsize=3,
            linestyle="none", label=f"{found.model} (n {found.n_runs})", zorder=3,
        )  # fmt: skip
    axes.margins(x=0.12, y=0.12)
    axes.grid(True, color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return figure
