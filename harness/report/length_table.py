"""Scores by length and depth: what was found, cut and never seen. Read from records or predictions alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.report.metric_names import named, places
from harness.store import RunRecord

ALL = "all"
"""Stands for every depth together in a file."""


class LengthScore(NamedTuple):
    """One model's score at one length and depth, the mean over its runs.

    Attributes:
        model: its name.
        length: tokens.
        depth: percent; ``None`` for all depths together.
        score: by the main metric.
        truncated: share of inputs that were cut at the encoder's maximum.
        unseen: share of answers that were cut off with them, which count as missed.
        runs: how many.
    """

    model: str
    length: int
    depth: float | None
    score: float
    truncated: float
    unseen: float
    runs: int


def of_records(records: Iterable[RunRecord]) -> list[LengthScore]:
    """The scores of finished runs of one dataset; ``truncated`` and ``unseen`` are those of the whole length."""
    runs: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    metric = ""
    for record in records:
        metric = record["task"]["metric"]
        runs[record["model"]["name"]].append(record["scores"]["test"])
    return [
        LengthScore(
            model,
            place[0],
            _percent(place[1]),
            _mean(scores, named(metric, place)),
            _mean(scores, f"truncated.L{place[0]}"),
            _mean(scores, f"unseen.L{place[0]}"),
            len(scores),
        )
        for model, scores in runs.items()
        for place in places({name for run in scores for name in run}, metric)
    ]


def of_predictions(model: str, rows: Iterable[Mapping[str, Any]]) -> list[LengthScore]:
    """The test scores of one run; ``truncated`` and ``unseen`` are those of each depth."""
    cells: dict[tuple[int, float | None], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["split"] == "test":
            cells[row["length"], None].append(row)
            cells[row["length"], row["depth"]].append(row)
    return [
        LengthScore(
            model,
            length,
            depth,
            sum(row["terms"][0] for row in found) / sum(row["terms"][1] for row in found),
            float(np.mean([row["truncated"] for row in found])),
            float(np.mean([not row["seen"] for row in found])),
            1,
        )
        for (length, depth), found in sorted(cells.items(), key=lambda cell: (cell[0][0], _first(cell[0][1])))
    ]


def as_rows(scores: Iterable[LengthScore], metric: str) -> list[dict[str, object]]:
    """The rows of a file, in which the score has the name of its metric."""
    return [
        {
            "model": one.model,
            "length": one.length,
            "depth": ALL if one.depth is None else one.depth,
            metric: one.score,
            "truncated": one.truncated,
            "unseen": one.unseen,
            "runs": one.runs,
        }
        for one in scores
    ]


def lengths_of(scores: Sequence[LengthScore]) -> list[int]:
    """Every length of a table, the shortest first."""
    return sorted({one.length for one in scores})


def _percent(depth: str | None) -> float | None:
    return None if depth is None else int(depth) if depth.isdecimal() else float(depth)


def _first(depth: float | None) -> float:
    return -1 if depth is None else depth


def _mean(scores: Sequence[Mapping[str, float]], name: str) -> float:
    """The mean over the runs that have this metric; 0 if none has."""
    values = [run[name] for run in scores if name in run]
    return float(np.mean(values)) if values else 0.0
