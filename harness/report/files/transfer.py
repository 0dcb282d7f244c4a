"""Matrices of training data and test data: what each encoder scores on the test sets of its family after one training."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean

from harness.report.comparable import Comparison, Standing, slug
from harness.report.files.leaderboard import caution_of
from harness.report.recipe_words import recipe_sentence
from harness.report.table import Column, Look, Table, frame_of
from harness.report.ties import LEGEND

MEAN = "mean"
_Cells = dict[str, tuple[Comparison, Standing]]
"""The cells of a row by column, see `_column`."""


def matrices(comparisons: Sequence[Comparison]) -> list[Table]:
    """One table for each family with test sets: a row for each encoder and its training data, a column for each test set.

    The mean is over the test sets other than the training data, where a row has them all.
    """
    families: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in _with_test_sets(comparisons):
        families[comparison.family].append(comparison)
    return [_matrix(family, found) for family, found in sorted(families.items())]


def _with_test_sets(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons on test sets, and those on the training data of these."""
    trained = {_training(one) for one in comparisons if one.trained_on}
    return [one for one in comparisons if _training(one) in trained]


def _training(comparison: Comparison) -> str:
    """The dataset, size and recipe of the training, as text."""
    if comparison.trained_on:
        data = [comparison.trained_on["dataset"], comparison.trained_on["fingerprint"]]
    else:
        data = [comparison.dataset, comparison.fingerprint]
    return json.dumps([*data, comparison.size, comparison.recipe], sort_keys=True)


def _matrix(family: str, comparisons: Sequence[Comparison]) -> Table:
    rows: dict[tuple[str, str, str], _Cells] = defaultdict(dict)
    for comparison in comparisons:
        for standing in comparison.standings:
            # A ranker learns nothing: its scores are one row, whatever the encoders beside it were trained on.
            ranker = standing.entry.is_ranker
            row = rows[
                "" if ranker else _trained_on(comparison), "" if ranker else _training(comparison), standing.label
            ]
            row.setdefault(_column(comparison), (comparison, standing))
    columns = sorted({column for cells in rows.values() for column in cells}, key=lambda column: column.split("\0"))
    several = {name for name in columns if sum(other.split("\0")[0] == name.split("\0")[0] for other in columns) > 1}
    ordered = sorted(rows.items())
    looks: dict[tuple[int, str], Look] = {
        (number, column): standing.mark
        for number, (_, cells) in enumerate(ordered)
        for column, (_, standing) in cells.items()
    }
    shown = [
        Column("model"),
        Column("size"),
        Column("trained on", missing="–"),
        *(Column(one, "{:.4f}", number=True, head=_head(one, one in several), missing="–") for one in columns),
        Column(MEAN, "{:.4f}", number=True, head="mean of others", missing="–"),
    ]
    trained = {trained_on for trained_on, *_ in rows} - {""}
    frame = frame_of(
        _row(trained_on, label, cells, _others(columns, {trained_on} if trained_on else trained))
        for (trained_on, _, label), cells in ordered
    )
    title = f"Trained on one dataset, tested on others: {family}, median over seeds"
    return Table(frame, shown, slug(f"transfer-{family}"), title, _notes(comparisons), looks, LEGEND)


def _trained_on(comparison: Comparison) -> str:
    return comparison.trained_on["dataset"] if comparison.trained_on else comparison.dataset


def _column(comparison: Comparison) -> str:
    """The test set with its fingerprint, which a reader sees only where there are several of one name."""
    return f"{comparison.dataset}\0{comparison.fingerprint}"


def _head(column: str, with_fingerprint: bool) -> str:
    dataset, fingerprint = column.split("\0")
    return f"{dataset}, data {fingerprint[:8]}" if with_fingerprint else dataset


def _others(columns: Sequence[str], trained: set[str]) -> list[str]:
    """The test sets that a mean is over. A ranker is averaged over those of the encoders, if these are the same for all."""
    return [column for column in columns if column.split("\0")[0] not in trained] if len(trained) == 1 else []


def _row(trained_on: str, label: str, cells: _Cells, others: Sequence[str]) -> Mapping[str, object]:
    scores = {column: standing.score for column, (_, standing) in cells.items()}
    complete = bool(others) and all(column in scores for column in others)
    return {
        "model": label,
        "size": next(iter(cells.values()))[1].entry.size_shown,
        "trained on": trained_on or None,
        **scores,
        MEAN: mean(scores[column] for column in others) if complete else None,
    }


def _notes(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    metrics = sorted({comparison.metric for comparison in comparisons})
    recipes = sorted({recipe_sentence(one.recipe) for one in comparisons if not one.standings[0].entry.is_ranker})
    return (
        f"Scores by {' and '.join(metrics)}; learning rates were chosen on the dev split of the training data.",
        "Marks compare encoders with the same training data on the same test set.",
        f"Mean of others: over all test sets that are not the training data. Recipe: {'; '.join(recipes)}.",
        *dict.fromkeys(caution_of(one) for one in comparisons if one.caveat),
    )
