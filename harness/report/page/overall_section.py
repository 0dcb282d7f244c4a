"""The page's first section: the answer, all models over all datasets, and quality against cost."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from harness.report.cost.front import front, steps
from harness.report.overall import table, tradeoff
from harness.report.overall.answer import answer
from harness.report.overall.rows import Overall, Row
from harness.report.page import svg

_LIMITS = {"latency": "latency_ms", "memory": "memory_mib"}


def section(overall: Overall, numbered: Mapping[str, int]) -> dict[str, object]:
    """What the template shows; empty without scores."""
    shown = table.table(overall)
    if shown is None:
        return {}
    rows = [*overall.rows, *overall.incomplete]
    return {
        "answer": answer(overall),
        "title": shown.title,
        "columns": shown.columns,
        "rows": [
            {"row": row, "number": numbered[row.name], "cells": cells, "data": _data(row)}
            for row, cells in zip(rows, shown.rows, strict=True)
        ],
        "notes": shown.notes,
        "legend": [(numbered[row.name], row.name) for row in overall.rows if row.learned],
        "not_drawn": [row.name for row in overall.rows if not row.learned],
        "charts": _charts(overall, numbered),
        "limits": overall.setting is not None,
    }


def _data(row: Row) -> dict[str, object]:
    """What the script knows of a row, by the name of the attribute."""
    found: dict[str, object] = {"name": row.name}
    if row.rank and row.score:
        found |= {"rank": row.rank.value, "low": row.rank.low, "high": row.rank.high, "score": row.score.value}
    if row.cost:
        found |= {name: getattr(row.cost, field) for name, field in _LIMITS.items() if getattr(row.cost, field)}
    return found


def _charts(overall: Overall, numbered: Mapping[str, int]) -> list[tuple[str, Markup]]:
    """A kind of cost and its chart, with all models of all sizes."""
    return [(kind, _chart(overall, numbered, kind, cost)) for kind, cost in tradeoff.costs(overall).items()]


def _chart(overall: Overall, numbered: Mapping[str, int], kind: str, cost: Mapping[str, float]) -> Markup:
    rows = [row for row in overall.rows if row.name in cost]
    up = svg.linear([end for row in rows if row.score for end in row.score])
    across = svg.logarithmic(cost.values())
    corners = [svg.Point(*place, place[1], place[1], "") for place in steps(tradeoff.scored(rows, cost))]
    series = [
        svg.Series(0, corners, joined=True, line="front"),
        *(
            svg.Series(
                numbered[row.name], [svg.Point(cost[row.name], *row.score, _said(row, kind, cost))], name=row.name
            )
            for row in rows
            if row.score
        ),
    ]
    best = ", ".join(front(tradeoff.scored(rows, cost)))
    description = f"Mean score against {kind} of {len(rows)} models; on the Pareto front: {best}"
    return svg.chart(series, across, up, f"{kind} →", "mean score", description)


def _said(row: Row, kind: str, cost: Mapping[str, float]) -> str:
    assert row.score
    return (
        f"{row.name}: {row.score.value:.4f} ({row.score.low:.4f} to {row.score.high:.4f}), {kind} {cost[row.name]:,.4g}"
    )
