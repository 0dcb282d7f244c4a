"""Scores after fine-tuning against the tokens that the weights were pretrained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.comparable import Comparison, Standing
from harness.report.page import svg


@dataclass(frozen=True)
class Progress:
    """The scores of one model on one dataset by the tokens of its pretraining.

    Attributes:
        model: its name.
        points: tokens with the standing of the weights after them, fewest tokens first.
    """

    model: str
    points: tuple[tuple[int, Standing], ...]


def progress(comparison: Comparison) -> list[Progress]:
    """The models of a comparison whose weights were pretrained for several lengths, by name."""
    found: dict[str, dict[int, Standing]] = defaultdict(dict)
    for standing in comparison.standings:  # the best first, so of several pretrainings of a length it is the best one
        if origin := standing.model.get("pretraining"):
            found[standing.entry.model].setdefault(origin["tokens"], standing)
    return [
        Progress(model, tuple(sorted(points.items(), key=lambda point: point[0])))
        for model, points in sorted(found.items())
        if len(points) > 1
    ]


def section(comparison: Comparison, numbered: Mapping[str, int]) -> dict[str, object] | None:
    """A chart with its legend for the page; ``None`` if no model was pretrained for several lengths.

    Args:
        comparison: on one dataset.
        numbered: the number of each model, which decides its colour and mark.
    """
    models = progress(comparison)
    if not models:
        return None
    shown = [standing for one in models for _, standing in one.points]
    series = [
        svg.Series(numbered[one.model], [_point(one.model, *point) for point in one.points], joined=True)
        for one in models
    ]
    tokens = svg.logarithmic(tokens / 1e6 for one in models for tokens, _ in one.points)
    scores = svg.linear(value for standing in shown for value in (standing.low, standing.high))
    description = f"test {comparison.metric} after fine-tuning against million tokens of pretraining"
    return {
        "title": comparison.title,
        "legend": [(numbered[one.model], one.model) for one in models],
        "chart": _chart(series, tokens, scores, comparison.metric, description),
    }


def sections(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> list[dict[str, object]]:
    """A chart for each comparison with a model that was pretrained for several lengths."""
    found = [section(comparison, numbered) for comparison in comparisons]
    return [one for one in found if one is not None]


def _chart(series: list[svg.Series], tokens: svg.Scale, scores: svg.Scale, metric: str, description: str) -> Markup:
    return svg.chart(series, tokens, scores, "million tokens of pretraining →", metric, description)


def _point(model: str, tokens: int, standing: Standing) -> svg.Point:
    text = f"{model}, {tokens / 1e6:.3g}M tokens: {standing.score:.4f} ({standing.low:.4f} to {standing.high:.4f})"
    return svg.Point(tokens / 1e6, standing.score, standing.low, standing.high, text)
