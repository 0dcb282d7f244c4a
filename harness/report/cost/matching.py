"""Which points of a bench measured a model that has scores."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cells.request import deployment
from harness.comparison.entries import Entry
from harness.comparison.names import digest_of
from harness.store.record import MeasuredPoint, PointEntry


def points_of(entry: Entry, points: Iterable[MeasuredPoint]) -> list[MeasuredPoint]:
    """The points of an entry: those of its own weights, and without any, those of random weights of its model and size."""
    own = [record for record in points if is_of(record["point"], entry)]
    return [record for record in own if record["point"].get("weights")] or own


def is_of(point: PointEntry, entry: Entry) -> bool:
    """Whether a point measured the model of an entry, by its engine and quantisation."""
    engine = deployment("compile" if point["compiled"] else point.get("engine", "torch"), point.get("quantize", "none"))
    if engine != entry.deployment:
        return False
    if weights := point.get("weights"):
        return weights.partition(" ")[0] == digest_of(entry.runs[0]["model"])
    return (point["model"], point["size"]) == (entry.model, entry.size)
