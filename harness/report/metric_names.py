"""What a run's metric names say of parts of the test set: ``METRIC.TYPE``, ``METRIC.L512``, ``METRIC.L512.D50`` and ``METRIC.L512.P4``.

A task that scores parts of its test set names the metrics so. ``candidates_METRIC`` is the score of what a run was given to put
into order. This is all that the report knows of tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_PLACE = re.compile(r"L(\d+)(?:\.([DP]\d+(?:\.\d+)?))?")
"""A length in tokens, and a part of the inputs of that length: the letter of an `Axis` and a value."""

CANDIDATES = "candidates_"
OF_LABELS = "f1"
"""``f1.LABEL`` is the F1 of one label, in tasks whose main metric is not split."""

Place = tuple[int, str | None]
"""A length in tokens and a part of its inputs, such as ``D50``; ``None`` stands for all inputs of the length."""


class Axis(NamedTuple):
    """By what the inputs of one length are divided.

    Attributes:
        name: in tables, and the key of its value in the rows of predictions.
        unit: follows a value.
    """

    name: str
    unit: str


AXES = {"D": Axis("depth", " %"), "P": Axis("pairs", "")}
"""By the letter in the names of metrics."""


def axis_of(parts: Iterable[str | None]) -> Axis:
    """The axis of these parts, which all have the same; the first of `AXES` if there are none."""
    return AXES[next((part[0] for part in parts if part), next(iter(AXES)))]


def value_of(part: str | None) -> int | float:
    """The value of a part on its axis: 50 of ``D50``; -1 for all inputs of a length, which come first."""
    if part is None:
        return -1
    return int(part[1:]) if part[1:].isdecimal() else float(part[1:])


def shown(part: str) -> str:
    """A part in words: ``50 %``, or the number of pairs."""
    return f"{part[1:]}{AXES[part[0]].unit}"


def places(names: Iterable[str], metric: str) -> list[Place]:
    """The lengths and their parts by which a metric is split, shortest first, a whole length before its parts.

    A length counts only if the run says how much of its inputs was cut: ``truncated.L512``. An entity type may be called L512.
    """
    names = set(names)
    found = [_PLACE.fullmatch(part) for part in _parts(names, metric)]
    there = [(int(place[1]), place[2]) for place in found if place and f"truncated.L{int(place[1])}" in names]
    return sorted((place for place in there if place[0] > 0), key=lambda place: (place[0], value_of(place[1])))


def types(names: Iterable[str], metric: str) -> list[str]:
    """The types by which a metric is split, such as entity types, alphabetically."""
    names = set(names)
    at_places = {named(metric, place).removeprefix(f"{metric}.") for place in places(names, metric)}
    return sorted(set(_parts(names, metric)) - at_places)


def split(names: Iterable[str], metric: str) -> str:
    """The metric that is known for each type: the main one, or `OF_LABELS` where only that is split."""
    names = set(names)
    return OF_LABELS if not types(names, metric) and types(names, OF_LABELS) else metric


def of_candidates(names: Iterable[str]) -> list[str]:
    """The metrics of the documents that a run was given to put into order, alphabetically."""
    return sorted({name for name in names if name.startswith(CANDIDATES)})


def named(metric: str, place: Place) -> str:
    """The name of a metric at one place."""
    length, part = place
    return f"{metric}.L{length}" + ("" if part is None else f".{part}")


def _parts(names: Iterable[str], metric: str) -> list[str]:
    return [name.removeprefix(f"{metric}.") for name in names if name.startswith(f"{metric}.")]
