"""The page's panel for each comparison (strips of seeds, score against cost, commands), and its leaderboard."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from statistics import median

from markupsafe import Markup

from harness.report.chance import guess_of, sentence_of
from harness.report.comparable import Comparison, Standing, in_all
from harness.report.files import leaderboard, tables
from harness.report.overall.costs import measured
from harness.report.page import svg
from harness.report.recipe_words import FINE_TUNED
from harness.report.spanning import with_size
from harness.store.record import PointRecord

WORTH_DRAWING = 1.05
"""A chart is drawn if the most expensive encoder costs at least this many times the cheapest."""
_FAR = 2.0
"""Ranges of the scores. A constant answer farther below them is no line among the seeds, because it would squeeze them together;
it is a line in the charts of score against cost, and in words."""


def board(comparisons: Sequence[Comparison], numbered: Mapping[str, int], shown: Collection[str]) -> dict[str, object]:
    """The leaderboard: a row for each encoder and size, a column for each dataset with one recipe; empty without runs."""
    if not comparisons:
        return {}
    columns = leaderboard.columns_of(comparisons)
    rows: dict[tuple[str, str], dict[str, tuple[Comparison, Standing]]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            row = rows.setdefault((standing.entry.size, standing.label), {})
            _, seen = row.get(comparison.column, (comparison, None))
            row[comparison.column] = (comparison, in_all(seen, standing))
    return {
        "cautions": list(leaderboard.table(comparisons).notes),
        "columns": [
            {
                "title": leaderboard.column_title(comparison),
                "metric": comparison.metric,
                "dataset": comparison.dataset,
                "family": comparison.family,
                "at_chance": comparison.at_chance,
            }
            for comparison in columns.values()
        ],
        "rows": [
            {
                "label": label,
                "size": size,
                "size_shown": next(one.entry.size_shown for _, one in found.values()),
                "is_ranker": any(one.entry.is_ranker for _, one in found.values()),
                "number": numbered.get(with_size(label, size), numbered[label]),
                "parameters": median(one.model["params_non_embedding"] for _, one in found.values()),
                "cells": [_board_cell(*found[key], shown) if key in found else None for key in columns],
            }
            for (size, label), found in sorted(rows.items())
        ],
    }


def _board_cell(comparison: Comparison, standing: Standing, shown: Collection[str]) -> dict[str, object]:
    panel = f"panel-{comparison.name}" if comparison.name in shown else "tasks"
    return {"score": standing.score, "mark": standing.mark, "panel": panel}


def head_of(comparison: Comparison) -> dict[str, object]:
    """What a section says of its comparison, and what the page's filters look at."""
    return {
        "dataset": comparison.dataset,
        "family": comparison.family,
        "size": comparison.size,
        "size_shown": comparison.size_shown,
        "apart": comparison.apart,
    }


def panel(comparison: Comparison, numbered: Mapping[str, int], bench: Sequence[PointRecord]) -> dict[str, object]:
    """One comparison: a row for each encoder, seeds on a common scale, and scores against cost."""
    ends = [value for standing in comparison.standings for value in (standing.low, standing.high, *standing.scores)]
    scale = svg.scores(ends, guess_of(comparison.task), _FAR)
    rates, source = throughput(comparison, bench)
    rows = [
        {
            "standing": standing,
            "number": numbered[standing.label],
            "strip": svg.strip(
                numbered[standing.label], scale, standing.scores, standing.score, standing.low, standing.high
            ),
            "interval": tables.interval(standing),
            "parameters": standing.model["params_non_embedding"],
            "tokens_per_s": rates.get(standing.label),
            "choice": _choice(standing),
            "command": command_of(standing),
        }
        for standing in comparison.standings
    ]
    return {
        "id": f"panel-{comparison.name}",
        **head_of(comparison),
        "caveat": comparison.caveat,
        "chance": sentence_of(comparison.task) if comparison.at_chance else "",
        "metric": comparison.metric,
        "axis": svg.axis(scale),
        "rows": rows,
        "throughput": source,
        "charts": _cost_charts(comparison, rates, numbered),
        "notes": [note for note in tables.notes_of(comparison) if not note.startswith("Caution")],
        "metrics": _metrics(comparison),
    }


def throughput(comparison: Comparison, bench: Sequence[PointRecord]) -> tuple[dict[str, float], str]:
    """Tokens per second of the encoders, by label, and how they were measured; empty if none was.

    A rate is of the engine and quantisation that scored the encoder, see `harness.report.overall.costs.measured`.
    """
    encoders = {(one.entry.size, one.label): one.entry for one in comparison.standings}
    found, setting = measured(encoders, bench)
    return {label: cost.tokens_per_s for (_, label), cost in found.items()}, setting.words if setting else ""


def costs(comparison: Comparison, rates: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The cost of each encoder by kind of cost and label: only those kinds in which encoders differ.

    Args:
        comparison: the encoders.
        rates: tokens per second by label.
    """
    standings = comparison.standings
    kinds = {
        "seconds of a run": {one.label: one.seconds for one in standings},
        "parameters without embeddings": {one.label: float(one.model["params_non_embedding"]) for one in standings},
        "tokens/s of inference": {one.label: rates[one.label] for one in standings if one.label in rates},
    }
    positive = {kind: {label: cost for label, cost in found.items() if cost > 0} for kind, found in kinds.items()}
    return {
        kind: found
        for kind, found in positive.items()
        if len(found) > 1 and max(found.values()) > WORTH_DRAWING * min(found.values())
    }


def _cost_charts(comparison: Comparison, rates: Mapping[str, float], numbered: Mapping[str, int]) -> list[Markup]:
    ends = [end for standing in comparison.standings for end in (standing.low, standing.high)]
    up = svg.scores(ends, guess_of(comparison.task))
    charts = []
    for label, found in costs(comparison, rates).items():
        series = [
            svg.Series(numbered[one.label], [_cost_point(one, found[one.label], label)])
            for one in comparison.standings
            if one.label in found
        ]
        description = f"{comparison.metric} against {label} of {len(found)} encoders; the table above has the numbers"
        across = svg.logarithmic(found.values())
        charts.append(svg.chart(series, across, up, f"{label} →", comparison.metric, description))
    return charts


def _cost_point(standing: Standing, cost: float, label: str) -> svg.Point:
    text = f"{standing.label}: {standing.score:.4f}, {cost:,.0f} {label}"
    return svg.Point(cost, standing.score, standing.low, standing.high, text)


def _choice(standing: Standing) -> str:
    rates = standing.entry.dev_by_learning_rate
    tried = ", ".join(f"{score:.4f} at {rate:g}" for rate, score in rates.items())
    weights = "" if standing.entry.weights == "scratch" else f"Weights {standing.entry.weights}. "
    if trained := standing.entry.recipe.get("trained"):
        return f"{weights}{FINE_TUNED[str(trained)].capitalize()}, and only scored here."
    if not rates:
        return f"{weights}No learning rate was chosen on dev."
    if len(rates) == 1:
        return f"{weights}One learning rate was tried: {tried} on dev."
    return f"{weights}Learning rate {standing.entry.learning_rate:g}, of median dev scores {tried}."


_SEED = re.compile(r"--seed \d+(?= |$)")


def command_of(standing: Standing) -> str:
    """Repeats the runs behind a number: one command, or a shell loop over the seeds."""
    commands = [str(run.get("command") or "no command was recorded") for run in standing.entry.runs]
    folded = {_SEED.sub("--seed $seed", command) for command in commands}
    if len(commands) == 1 or len(folded) > 1 or not _SEED.search(commands[0]):
        return "\n".join(dict.fromkeys(commands))
    return f"for seed in {' '.join(map(str, standing.seeds))}; do\n  {folded.pop()}\ndone"


def _metrics(comparison: Comparison) -> dict[str, object]:
    """Medians over seeds of every metric of the whole test set."""
    names = list(
        dict.fromkeys(
            name
            for standing in comparison.standings
            for run in standing.entry.runs
            for name in run["scores"]["test"]
            if "." not in name
        )
    )[:12]
    return {
        "head": names,
        "rows": [(one.label, [median_of(one, name) for name in names]) for one in comparison.standings],
    }


def median_of(standing: Standing, metric: str) -> float | None:
    """The median over seeds of a metric on test; ``None`` if a run lacks it."""
    found = [run["scores"]["test"].get(metric) for run in standing.entry.runs]
    numbers = [value for value in found if isinstance(value, int | float)]
    return median(numbers) if len(numbers) == len(found) else None


def types(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> list[dict[str, object]]:
    """For each comparison with a metric that is split by type a table of encoder and type, shaded by score."""
    return [
        {
            "dataset": comparison.dataset,
            "family": comparison.family,
            "size": comparison.size,
            "title": comparison.dataset,
            "remark": ", ".join(
                part for part in (comparison.size_shown, comparison.apart, comparison.split_metric) if part
            ),
            "corner": "model",
            "head": comparison.types,
            "rows": [
                {
                    "label": standing.label,
                    "number": numbered[standing.label],
                    "values": [median_of(standing, f"{comparison.split_metric}.{kind}") for kind in comparison.types],
                }
                for standing in comparison.standings
            ],
            "format": "%.3f",
            "times": 1,
        }
        for comparison in comparisons
        if comparison.types
    ]
