"""Quality against cost: the kinds of cost, and the place of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.cost.front import Place
from harness.report.overall.rows import Overall, Row


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


def scored(rows: Sequence[Row], cost: Mapping[str, float]) -> dict[str, Place]:
    """Cost and mean score of the rows that have both."""
    return {row.name: (cost[row.name], row.score.value) for row in rows if row.score and row.name in cost}
