"""Quality against cost: the kinds of cost, and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.overall.rows import Overall, Row

Place = tuple[float, float]
"""Cost and mean score."""


def costs(overall: Overall) -> dict[str, dict[str, float]]:
    """Cost of each complete row that learned something, by kind of cost and name: only kinds that two rows or more have.

    Of every kind less is better.
    """
    rows = [row for row in overall.rows if row.learned]
    tokens = f" at {overall.setting.tokens:,} tokens" if overall.setting else ""
    kinds = {
        f"latency{tokens}, ms": {row.name: row.cost.latency_ms for row in rows if row.cost},
        f"peak memory{tokens}, MiB": {row.name: row.cost.memory_mib or 0.0 for row in rows if row.cost},
        "parameters": {row.name: float(row.parameters) for row in rows},
        "training of one run on each dataset, minutes": {row.name: row.minutes or 0.0 for row in rows},
    }
    positive = {kind: {name: cost for name, cost in found.items() if cost > 0} for kind, found in kinds.items()}
    return {kind: found for kind, found in positive.items() if len(found) > 1}


def front(places: Mapping[str, Place]) -> list[str]:
    """The names for which no other is at least as cheap and as good, and better in one; the cheapest first."""
    best: list[str] = []
    for name in sorted(places, key=lambda one: (places[one][0], -places[one][1])):
        if not best or places[name][1] > places[best[-1]][1] or places[name] == places[best[-1]]:
            best.append(name)
    return best


def scored(rows: Sequence[Row], cost: Mapping[str, float]) -> dict[str, Place]:
    """Cost and mean score of the rows that have both."""
    return {row.name: (cost[row.name], row.score.value) for row in rows if row.score and row.name in cost}


def steps(places: Mapping[str, Place]) -> list[Place]:
    """The corners of the front as a line: along each level of quality to the cost of the next."""
    corners: list[Place] = []
    for name in front(places):
        cost, score = places[name]
        corners += [(cost, corners[-1][1])] if corners else []
        corners.append((cost, score))
    return corners
