"""A table for each benchmark of several datasets: the scores of every encoder and their mean as the benchmark defines it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.comparison.entries import Entry
from harness.report.comparable import Comparison
from harness.report.table import Column, Table, frame_of
from tasks.suites import SUITES, Suite

Encoder = tuple[str, str]
"""Size and label."""

FEWEST = 2
"""Datasets of a benchmark that one encoder must have a score for, before the table is shown."""


def tables(comparisons: Sequence[Comparison]) -> list[Table]:
    """One table for each benchmark of which an encoder has several datasets."""
    found = (_table(suite, comparisons) for suite in SUITES)
    return [table for table in found if table is not None]


def _table(suite: Suite, comparisons: Sequence[Comparison]) -> Table | None:
    scores, ambiguous = _scores(suite, comparisons)
    if not any(len(found) >= FEWEST for found in scores.values()):
        return None
    rows = [
        {
            "model": label,
            "size": size,
            "mean": suite.mean(found),
            **found,
            "missing": ", ".join(dataset for dataset in suite.datasets if dataset not in found) or None,
        }
        for (size, label), found in sorted(scores.items())
    ]
    metrics = suite.metrics()
    shown = [dataset for dataset in suite.datasets if any(dataset in found for found in scores.values())]
    columns = (
        *(Column(name) for name in ("model", "size")),
        Column("mean", "{:.4f}", number=True, head=f"{suite.title} mean", missing="–"),
        *(Column(one, "{:.4f}", number=True, head=f"{one} ({metrics[one]})", missing="–") for one in shown),
        Column("missing", head="not scored", missing="–"),
    )
    notes = [f"{suite.note}. Scores are medians over seeds; there is a mean only where no dataset is missing."]
    if ambiguous:
        notes.append(
            f"Run with several recipes or on several versions of the data, so not counted: {', '.join(ambiguous)}."
        )
    return Table(frame_of(rows), columns, suite.name, suite.title, tuple(notes))


def _scores(
    suite: Suite, comparisons: Sequence[Comparison]
) -> tuple[Mapping[Encoder, Mapping[str, float]], Sequence[str]]:
    """The score of each encoder on each dataset, and the datasets with more than one score for an encoder.

    Trials are left out, and so are runs that were scored by another metric or trained on another task.
    """
    found: dict[Encoder, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for comparison in comparisons:
        if comparison.metric != suite.metrics().get(comparison.dataset):
            continue
        for standing in comparison.standings:
            if not standing.entry.is_trial and _trained_for(suite, standing.entry):
                found[standing.entry.size_shown, standing.label][comparison.dataset].append(standing.score)
    several = sorted({name for each in found.values() for name, values in each.items() if len(values) > 1})
    single = {
        encoder: {name: values[0] for name, values in each.items() if len(values) == 1}
        for encoder, each in found.items()
    }
    return single, several


def _trained_for(suite: Suite, entry: Entry) -> bool:
    """Whether the model was trained on the dataset, or on one of the same part, as the mismatched test set of MultiNLI needs it."""
    trained_on = entry.trained_on
    return trained_on is None or any(entry.dataset in part and trained_on["dataset"] in part for part in suite.parts)
