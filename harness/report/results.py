"""What a whole report is made of: the comparisons of a store, those across sizes, and all models over all datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.report.comparable import Comparison, comparisons
from harness.report.overall.rows import Overall, over_datasets
from harness.report.reading import Reading
from harness.report.spanning import spanning, with_size
from harness.report.styles import numbers, numbers_with
from harness.report.ties import Ties
from harness.store import Store


@dataclass(frozen=True)
class Results:
    """The results of a store.

    Attributes:
        comparisons: each of one size.
        spans: the same data and recipes across sizes.
        overall: all models over all datasets.
        numbered: number of each style by label, and by the name that a label has among several sizes.
    """

    comparisons: list[Comparison]
    spans: list[Comparison]
    overall: Overall
    numbered: Mapping[str, int]

    @property
    def panels(self) -> list[Comparison]:
        """The comparisons that have a panel, a table and figures: by dataset, that across sizes after those of one size."""
        return sorted([*self.comparisons, *self.spans], key=lambda one: one.dataset)


def results(store: Store, reading: Reading) -> Results:
    """Compare everything in a store.

    Args:
        store: where predictions are read.
        reading: the content of the store.
    """
    ties = Ties(store)
    found = comparisons(reading.runs, ties)
    spans = spanning(found, ties)
    overall = over_datasets(found, ties.terms, reading.bench)
    names = [(row.name, row.label, row.size) for row in [*overall.rows, *overall.incomplete]]
    if spans:
        names += [
            (with_size(one.label, one.entry.size), one.label, one.entry.size)
            for each in found
            for one in each.standings
        ]
    numbered = numbers_with(names, numbers(found, reading.bench, reading.pretraining))
    return Results(found, spans, overall, numbered)
