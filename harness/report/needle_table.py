"""What needle runs say, as a table: what was found, cut and never seen at every length and depth. Read from the store alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.store import RunRecord

METRIC = "needle_exact_match"
ALL = "all"
"""Stands for every depth together."""

_AT = re.compile(rf"{METRIC}\.L(\d+)(?:\.D(\d+))?$")


def table(records: Iterable[RunRecord]) -> list[dict[str, Any]]:
    """One row for each model, length and depth (``all`` for every depth together), the mean over the model's runs.

    The records are finished runs of one dataset of needles. ``truncated`` and ``unseen`` are shares at this length, of inputs
    that were cut at the encoder's maximum and of answers that were cut off with them; ``unseen`` counts as missed.
    """
    runs: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for record in records:
        runs[record["model"]["name"]].append(record["scores"]["test"])
    rows = []
    for model, scores in runs.items():
        for length, depth in sorted({_place(name) for run in scores for name in run if _AT.match(name)}):
            at = f".L{length}"
            rows.append(
                {
                    "model": model,
                    "length": length,
                    "depth": ALL if depth < 0 else depth,
                    METRIC: _mean(scores, METRIC + at + ("" if depth < 0 else f".D{depth}")),
                    "truncated": _mean(scores, "truncated" + at),
                    "unseen": _mean(scores, "unseen" + at),
                    "runs": len(scores),
                }
            )
    return rows


def table_of_predictions(model: str, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same table from the predictions of one run; here ``truncated`` and ``unseen`` tell of each depth too."""
    cells: dict[tuple[int, float], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["split"] == "test":
            cells[row["length"], -1].append(row)
            cells[row["length"], row["depth"]].append(row)
    return [
        {
            "model": model,
            "length": length,
            "depth": ALL if depth < 0 else depth,
            METRIC: sum(row["terms"][0] for row in found) / sum(row["terms"][1] for row in found),
            "truncated": float(np.mean([row["truncated"] for row in found])),
            "unseen": float(np.mean([not row["seen"] for row in found])),
            "runs": 1,
        }
        for (length, depth), found in sorted(cells.items())
    ]


def lengths_of(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Every length of a table, the shortest first."""
    return sorted({row["length"] for row in rows})


def _place(name: str) -> tuple[int, int]:
    """Length and depth, -1 for every depth."""
    at = _AT.match(name)
    assert at
    return int(at[1]), int(at[2]) if at[2] else -1


def _mean(scores: Sequence[Mapping[str, float]], name: str) -> float | None:
    values = [run[name] for run in scores if name in run]
    return float(np.mean(values)) if values else None
