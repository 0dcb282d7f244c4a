"""The page's section of training: dev score against learning rate, training loss against steps, and test score against the
number of training examples.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import median

from markupsafe import Markup

from harness.report.comparable import Comparison, Standing
from harness.report.page import svg
from harness.report.page.panels import head_of

_LOSSES = 24
"""Most points of a loss curve."""
_BYTES = 1_000_000
"""Of all charts; those beyond it are left out."""


def sections(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> tuple[list[dict[str, object]], int]:
    """One entry for each comparison with something to draw, and how many are left out to keep the page small."""
    drawn = [*_by_examples(comparisons, numbered), *_by_comparison(comparisons, numbered)]
    ends = accumulate(len(str(one["charts"])) for one in drawn)
    found = [one for one, end in zip(drawn, ends, strict=True) if end <= _BYTES]
    return found, len(drawn) - len(found)


def _by_comparison(comparisons: Sequence[Comparison], numbered: Mapping[str, int]) -> Iterator[dict[str, object]]:
    for comparison in comparisons:
        if comparison.trained_on:
            continue  # the training is that of another comparison
        charts = [chart for chart in (_rates(comparison, numbered), _losses(comparison, numbered)) if chart]
        if charts:
            yield _section(comparison, comparison.apart, charts, numbered)


def _section(
    comparison: Comparison, apart: str, charts: Sequence[Markup], numbered: Mapping[str, int]
) -> dict[str, object]:
    return {
        **head_of(comparison),
        "apart": apart,
        "legend": [(numbered[one.label], one.label) for one in comparison.standings if not one.entry.is_ranker],
        "charts": charts,
    }


def _rates(comparison: Comparison, numbered: Mapping[str, int]) -> Markup | None:
    """Median dev score of each learning rate of a sweep; the chosen one is filled."""
    tried = {
        one.label: one for one in comparison.standings if len([r for r in one.entry.dev_by_learning_rate if r > 0]) > 1
    }
    if not tried:
        return None
    series = [svg.Series(numbered[label], _rate_points(one), joined=True) for label, one in tried.items()]
    points = [point for one in series for point in one.points]
    return svg.chart(
        series,
        svg.logarithmic(point.x for point in points),
        svg.linear(point.y for point in points),
        "learning rate →",
        f"{comparison.metric} on dev",
        f"{comparison.metric} on dev against the learning rate; the chosen rate of each model is filled",
    )


def _rate_points(standing: Standing) -> list[svg.Point]:
    return [
        svg.Point(
            rate,
            score,
            score,
            score,
            f"{standing.label}: {score:.4f} on dev at {rate:g}",
            rate != standing.entry.learning_rate,
        )
        for rate, score in standing.entry.dev_by_learning_rate.items()
        if rate > 0
    ]


def _losses(comparison: Comparison, numbered: Mapping[str, int]) -> Markup | None:
    """Training loss of each model: at every step the median over seeds."""
    curves = {one.label: found for one in comparison.standings if len(found := _curve(one)) > 1}
    if not curves:
        return None
    series = [
        svg.Series(
            numbered[label],
            [svg.Point(step, loss, loss, loss, f"{label}: loss {loss:.4g} at step {step:,}") for step, loss in found],
            joined=True,
            end_only=True,
        )
        for label, found in curves.items()
    ]
    steps, losses = zip(*(pair for found in curves.values() for pair in found), strict=True)
    return svg.chart(
        series,
        svg.linear([0, *steps]),
        svg.linear([0, *losses]),
        "step →",
        "training loss",
        f"training loss against the step, median over seeds, of {', '.join(curves)}",
    )


def _curve(standing: Standing) -> list[tuple[int, float]]:
    """Step and loss at some steps that all runs at the chosen learning rate have recorded."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for run in standing.entry.runs:
        for step, loss in run.get("losses", []):
            by_step[step].append(loss)
    whole = [(step, median(found)) for step, found in sorted(by_step.items()) if len(found) == len(standing.entry.runs)]
    apart = max(1, -(-len(whole) // _LOSSES))
    return whole[::-1][::apart][::-1]  # the last step is always there


def _by_examples(comparisons: Iterable[Comparison], numbered: Mapping[str, int]) -> Iterator[dict[str, object]]:
    """Test score against training examples, of comparisons that differ in nothing else."""
    groups: dict[str, dict[int, Comparison]] = defaultdict(dict)
    for comparison in comparisons:
        recipe = {name: value for name, value in comparison.recipe.items() if name != "train_limit"}
        same = [
            comparison.dataset,
            comparison.fingerprint,
            comparison.options,
            comparison.size,
            recipe,
            comparison.trained_on,
        ]
        if (examples := _examples(comparison)) > 0:
            groups[json.dumps(same, sort_keys=True)][examples] = comparison
    for group in groups.values():
        if len(group) > 1:
            most = group[max(group)]
            yield _section(most, "by number of training examples", [_examples_chart(group, numbered)], numbered)


def _examples(comparison: Comparison) -> int:
    limit, there = comparison.recipe.get("train_limit"), comparison.task["n_train"]
    return min(limit, there) if limit else there


def _examples_chart(group: Mapping[int, Comparison], numbered: Mapping[str, int]) -> Markup:
    points: dict[str, list[svg.Point]] = defaultdict(list)
    for count in sorted(group):
        for one in group[count].standings:
            if not one.entry.is_ranker:
                text = f"{one.label}: {one.score:.4f} from {count:,} examples"
                points[one.label].append(svg.Point(count, one.score, one.low, one.high, text))
    first = next(iter(group.values()))
    ends = [end for found in points.values() for point in found for end in (point.low, point.high)]
    return svg.chart(
        [svg.Series(numbered[label], found, joined=True) for label, found in points.items()],
        svg.logarithmic(group),
        svg.linear(ends),
        "training examples →",
        f"{first.metric} on test",
        f"{first.metric} on test against the number of training examples of {', '.join(points)}",
    )
