"""Comparisons across sizes: all models on one dataset with one recipe, with the same tests as within a size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from harness.report.comparable import Comparison, Judge, marks_of, slug, unused
from harness.store.record import OWN_SIZE

ALL_SIZES = "all sizes"
SPEAK_FOR_THEMSELVES = (OWN_SIZE, "lexical")
"""Sizes that say nothing beside the label."""


def with_size(label: str, size: str) -> str:
    """The name of a model among models of other sizes."""
    return label if size in SPEAK_FOR_THEMSELVES else f"{label} {size}"


def spanning(comparisons: Sequence[Comparison], judge: Judge) -> list[Comparison]:
    """One comparison for each dataset and recipe with models of several sizes.

    Args:
        comparisons: each of one size, see `harness.report.comparable.comparisons`.
        judge: compares entries with the best of them.
    """
    columns: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        columns[comparison.column].append(comparison)
    taken = {comparison.name for comparison in comparisons}
    found = []
    for column in columns.values():
        if len(column) > 1:
            name = slug(f"{column[0].name.removesuffix(slug(column[0].size))}-{ALL_SIZES}")
            found.append(_spanning(unused(name, taken), column, judge))
    return found


def _spanning(name: str, column: Sequence[Comparison], judge: Judge) -> Comparison:
    # A ranker without an encoder is in the comparison of every size.
    each = {
        (standing.entry.size, standing.label): standing for comparison in column for standing in comparison.standings
    }
    ranked = sorted(each.values(), key=lambda one: (-one.score, one.label, one.entry.size))
    judged, test = judge([standing.entry for standing in ranked])
    marks = marks_of(column[0].task, [standing.score for standing in ranked], judged)
    standings = tuple(
        replace(one, label=with_size(one.label, one.entry.size), mark=mark)
        for one, mark in zip(ranked, marks, strict=True)
    )
    return replace(column[0], name=name, size=ALL_SIZES, test=test, standings=standings)
