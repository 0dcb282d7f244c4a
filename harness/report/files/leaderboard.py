"""The leaderboard over all comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import pandas as pd

from harness.report.comparable import Comparison, Standing, in_all
from harness.report.files.tables import PARAMETERS, row_of
from harness.report.table import Column, Look, Table, frame_of
from harness.report.ties import LEGEND


def table(comparisons: Sequence[Comparison]) -> Table:
    """One row for each model and size, one column for each dataset with one recipe; marks hold within a size."""
    columns = columns_of(comparisons)
    found: dict[tuple[str, str], dict[str, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            row = found.setdefault((standing.entry.size_shown, standing.label), {})
            row[comparison.column] = in_all(row.get(comparison.column), standing)
    rows: list[Mapping[str, object]] = []
    looks: dict[tuple[int, str], Look] = {}
    for number, ((size, label), standings) in enumerate(sorted(found.items())):
        parameters = median(standing.model["params_non_embedding"] for standing in standings.values())
        scores = {key: standings[key].score for key in columns if key in standings}
        rows.append({"model": label, "size": size, "parameters": parameters, **scores})
        looks |= {(number, key): standing.mark for key, standing in standings.items()}
    scored = (Column(key, "{:.4f}", number=True, head=column_title(one)) for key, one in columns.items())
    notes = dict.fromkeys(caution_of(one) for one in columns.values() if one.caveat)
    shown = (Column("model"), Column("size"), PARAMETERS, *scored)
    return Table(frame_of(rows), shown, "leaderboard", "Median test score over seeds", tuple(notes), looks, LEGEND)


def columns_of(comparisons: Iterable[Comparison]) -> dict[str, Comparison]:
    """The columns of a leaderboard, and the comparison that speaks for each: one above chance, if any size has one."""
    found: dict[str, Comparison] = {}
    for comparison in comparisons:
        if comparison.column not in found or found[comparison.column].at_chance:
            found[comparison.column] = comparison
    return found


def caution_of(comparison: Comparison) -> str:
    """The caveat with its dataset, which it may name itself."""
    caveat, dataset = comparison.caveat, comparison.dataset
    return f"Caution: {caveat}." if dataset in caveat else f"Caution, {dataset}: {caveat}."


def column_title(comparison: Comparison) -> str:
    """The dataset, with what sets this comparison apart and a mark where the dataset needs a caution."""
    caution = " (caution)" if comparison.caveat else ""
    caution += " (at chance)" if comparison.at_chance else ""
    return comparison.dataset + caution + (f", {comparison.apart}" if comparison.apart else "")


def rows_of(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The rows of all comparisons, each entry once.

    A ranker is in every comparison on its data, see `in_all`.
    """
    found: dict[tuple[str, ...], tuple[Comparison, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            runs = (comparison.dataset, *(run["key"] for run in standing.entry.runs))
            first, seen = found.get(runs, (comparison, None))
            found[runs] = first, in_all(seen, standing)
    return frame_of(row_of(comparison, standing) for comparison, standing in found.values())
