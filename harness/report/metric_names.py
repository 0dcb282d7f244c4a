"""What a run's metric names say of parts of the test set: ``METRIC.TYPE``, ``METRIC.L512`` and ``METRIC.L512.D50``.

A task that scores parts of its test set names the metrics so. This is all that the report knows of tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLACE = re.compile(r"L(\d+)(?:\.D(\d+(?:\.\d+)?))?")
"""A length in tokens, and a depth in percent."""

Place = tuple[int, str | None]
"""A length in tokens and a depth in percent as text; ``None`` stands for all depths together."""


def places(names: Iterable[str], metric: str) -> list[Place]:
    """The lengths and depths by which a metric is split, shortest first, all depths together before each of them.

    A length counts only if the run says how much of its inputs was cut: ``truncated.L512``. An entity type may be called L512.
    """
    names = set(names)
    found = [_PLACE.fullmatch(part) for part in _parts(names, metric)]
    there = [(int(place[1]), place[2]) for place in found if place and f"truncated.L{int(place[1])}" in names]
    return sorted((place for place in there if place[0] > 0), key=lambda place: (place[0], float(place[1] or -1)))


def types(names: Iterable[str], metric: str) -> list[str]:
    """The types by which a metric is split, such as entity types, alphabetically."""
    names = set(names)
    at_places = {named(metric, place).removeprefix(f"{metric}.") for place in places(names, metric)}
    return sorted(set(_parts(names, metric)) - at_places)


def named(metric: str, place: Place) -> str:
    """The name of a metric at one length and depth."""
    length, depth = place
    return f"{metric}.L{length}" + ("" if depth is None else f".D{depth}")


def _parts(names: Iterable[str], metric: str) -> list[str]:
    return [name.removeprefix(f"{metric}.") for name in names if name.startswith(f"{metric}.")]
