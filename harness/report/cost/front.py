"""The Pareto front: what nothing else beats in cost and quality."""

from __future__ import annotations

from collections.abc import Mapping

Place = tuple[float, float]
"""Cost, of which less is better, and score."""


def front(places: Mapping[str, Place]) -> list[str]:
    """The names for which no other is at least as cheap and as good, and better in one; the cheapest first."""
    best: list[str] = []
    for name in sorted(places, key=lambda one: (places[one][0], -places[one][1])):
        if not best or places[name][1] > places[best[-1]][1] or places[name] == places[best[-1]]:
            best.append(name)
    return best


def steps(places: Mapping[str, Place]) -> list[Place]:
    """The corners of the front as a line: along each level of quality to the cost of the next."""
    corners: list[Place] = []
    for name in front(places):
        cost, score = places[name]
        corners += [(cost, corners[-1][1])] if corners else []
        corners.append((cost, score))
    return corners
