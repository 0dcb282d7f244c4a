"""Scores by length, and by depth or number of pairs: what was found, cut and never seen. Read from records or predictions alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.report.metric_names import AXES, Place, axis_of, named, places, value_of
from harness.store import RunRecord

ALL = "all"
"""Stands for all inputs of a length in a file."""


class LengthScore(NamedTuple):
    """One model's score at one length and part of its inputs, the mean over its runs.

    Attributes:
        model: its name.
        length: tokens.
        part: such as the depth ``D50``, see `harness.report.metric_names`; ``None`` for all inputs of the length.
        score: by the main metric.
        truncated: share of inputs that were cut at the encoder's maximum.
        unseen: share of answers that were cut off with them, which count as missed.
        runs: how many.
    """

    model: str
    length: int
    part: str | None
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
            place[1],
            _mean(scores, named(metric, place)),
            _mean(scores, f"truncated.L{place[0]}"),
            _mean(scores, f"unseen.L{place[0]}"),
            len(scores),
        )
        for model, scores in runs.items()
        for place in places({name for run in scores for name in run}, metric)
    ]


def of_predictions(model: str, rows: Iterable[Mapping[str, Any]]) -> list[LengthScore]:
    """The test scores of one run; ``truncated`` and ``unseen`` are those of each part."""
    cells: dict[Place, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["split"] == "test":
            cells[row["length"], None].append(row)
            for letter, axis in AXES.items():
                if axis.name in row:
                    cells[row["length"], f"{letter}{row[axis.name]:g}"].append(row)
    return [
        LengthScore(
            model,
            length,
            part,
            sum(row["terms"][0] for row in found) / sum(row["terms"][1] for row in found),
            float(np.mean([row["truncated"] for row in found])),
            float(np.mean([1 - row["seen"] for row in found])),
            1,
        )
        for (length, part), found in sorted(cells.items(), key=lambda cell: (cell[0][0], value_of(cell[0][1])))
    ]


def as_rows(scores: Sequence[LengthScore], metric: str) -> list[dict[str, object]]:
    """The rows of a file, in which the score has the name of its metric and the part that of its axis."""
    axis = axis_of(one.part for one in scores).name
    return [
        {
            "model": one.model,
            "length": one.length,
            axis: ALL if one.part is None else value_of(one.part),
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


def _mean(scores: Sequence[Mapping[str, float]], name: str) -> float:
    """The mean over the runs that have this metric; 0 if none has."""
    values = [run[name] for run in scores if name in run]
    return float(np.mean(values)) if values else 0.0
