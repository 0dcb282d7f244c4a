"""Every model over all datasets: which datasets count, and each model's mean rank and mean score on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from harness.comparison import stats
from harness.comparison.entries import Entry, trains
from harness.comparison.stats import Estimate
from harness.report.chance import at_chance
from harness.report.comparable import Comparison, Standing, task_of
from harness.report.overall.costs import Cost, Setting, measured
from harness.report.spanning import SPEAK_FOR_THEMSELVES, with_size
from harness.store.record import PointRecord

Encoder = tuple[str, str]
"""Size and label."""
Terms = Callable[[Sequence[Entry]], list[NDArray[np.float64]] | None]
"""Reads the terms of entries, see `harness.report.ties.Ties.terms`."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One model over all datasets.

    Attributes:
        name: unique in the table; holds the size where models differ in it.
        label, size: those of its standings.
        standings: by dataset, at the recipe that counts.
        datasets: that count, whether or not it was run on them.
        rank, score: over the datasets that count; ``None`` if one is missing.
        cost: measured by a bench; ``None`` if it was not.
        minutes: of one training on each dataset that counts, added; ``None`` if a dataset is missing or it was not trained.
    """

    name: str
    label: str
    size: str
    standings: Mapping[str, Standing]
    datasets: tuple[str, ...]
    rank: Estimate | None = None
    score: Estimate | None = None
    cost: Cost | None = None
    minutes: float | None = None

    @property
    def parameters(self) -> int:
        """Of the model, with embeddings; 0 if it has none."""
        return next(iter(self.standings.values())).model["params_total"]

    @property
    def learned(self) -> bool:
        """Whether it is clearly better than a constant answer on one dataset at least."""
        return any(not at_chance(task_of([standing.entry]), [standing.score]) for standing in self.standings.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """The datasets that count and that it was not run on."""
        return tuple(name for name in self.datasets if name not in self.standings)

    @property
    def knows_spread(self) -> bool:
        """Whether its spread over seeds is known on every dataset that counts and that it was run on."""
        return all(self.standings[name].entry.knows_spread for name in self.datasets if name in self.standings)

    @property
    def seeds(self) -> str:
        """The fewest runs on a dataset that counts, see `harness.comparison.entries.Entry.seeds_shown`."""
        found = [self.standings[name] for name in self.datasets if name in self.standings]
        return min(found or self.standings.values(), key=lambda standing: len(standing.scores)).entry.seeds_shown


@dataclass(frozen=True)
class Overall:
    """All models over the datasets that count.

    Attributes:
        datasets: that count: those which make the table of models and datasets without gaps largest.
        at_chance: datasets on which no model is better than a constant answer; they do not count.
        left_out: datasets that too few models were run on.
        several: datasets that were run with several recipes or on several versions of the data; the one with most models
            counts.
        rows: models with every dataset, the best mean rank first.
        incomplete: the other models.
        setting: of the bench; ``None`` if nothing was measured.
        from_seeds: datasets whose predictions were not read, so that their part of the intervals is over seeds alone.
        none_counts: whether there are scores and none counts: every run is a trial or a test of another training.
    """

    datasets: tuple[str, ...]
    at_chance: tuple[str, ...]
    left_out: tuple[str, ...]
    several: tuple[str, ...]
    rows: tuple[Row, ...]
    incomplete: tuple[Row, ...]
    setting: Setting | None
    from_seeds: tuple[str, ...]
    none_counts: bool = False

    @property
    def single_seed(self) -> tuple[str, ...]:
        """The datasets that count and on which the spread over seeds is known of no model."""
        return tuple(
            name for name in self.datasets if not any(row.standings[name].entry.knows_spread for row in self.rows)
        )


def over_datasets(comparisons: Sequence[Comparison], terms: Terms, bench: Sequence[PointRecord]) -> Overall:
    """Rank all models over the datasets that they share, across sizes.

    Trials and test sets of other trainings do not count.

    Args:
        comparisons: of all sizes.
        terms: reads predictions, for intervals over examples.
        bench: points of a bench.
    """
    chosen, several = _columns(comparisons)
    found: dict[Encoder, dict[str, Standing]] = defaultdict(dict)
    for dataset, column in chosen.items():
        for comparison in column:
            for standing in comparison.standings:
                found[standing.entry.size, standing.label].setdefault(dataset, standing)
    chance = [name for name, column in chosen.items() if all(one.at_chance for one in column)]
    able = [name for name in chosen if name not in chance]
    datasets = _without_gaps(found, able)
    cost, setting = measured({encoder: _entry(one) for encoder, one in found.items()}, bench)
    rows = [
        Row(name, label, size, found[size, label], datasets, cost=cost.get((size, label)))
        for (size, label), name in _names(found).items()
    ]
    complete = [row for row in rows if not row.missing]
    ranked, from_seeds = _ranked(complete, datasets, terms)
    return Overall(
        datasets,
        tuple(chance),
        tuple(name for name in able if name not in datasets),
        tuple(several),
        tuple(sorted(ranked, key=_place)),
        tuple(row for row in rows if row.missing),
        setting,
        tuple(from_seeds),
        none_counts=bool(comparisons) and not chosen,
    )


def _columns(comparisons: Sequence[Comparison]) -> tuple[dict[str, list[Comparison]], list[str]]:
    """For each dataset the comparisons of all sizes with the recipe of most models, and the datasets with other recipes too."""
    by_dataset: dict[str, dict[str, list[Comparison]]] = defaultdict(lambda: defaultdict(list))
    for comparison in comparisons:
        if not (comparison.trained_on or any(standing.entry.is_trial for standing in comparison.standings)):
            by_dataset[comparison.dataset][comparison.column].append(comparison)

    def size(column: Sequence[Comparison]) -> tuple[int, int]:
        standings = [standing for comparison in column for standing in comparison.standings]
        encoders = {(standing.entry.size, standing.label) for standing in standings}
        return len(encoders), sum(len(standing.scores) for standing in standings)

    chosen = {dataset: max(columns.values(), key=size) for dataset, columns in sorted(by_dataset.items())}
    return chosen, [dataset for dataset in chosen if len(by_dataset[dataset]) > 1]


def _without_gaps(found: Mapping[Encoder, Mapping[str, Standing]], datasets: Sequence[str]) -> tuple[str, ...]:
    """The datasets that make the table of datasets and of models with all of them largest: dropped are those with fewest models.

    All datasets, if no two models share one.
    """
    kept, candidates = list(datasets), []
    while kept:
        complete = sum(set(kept) <= one.keys() for one in found.values())
        candidates.append((complete * len(kept) if complete > 1 else 0, len(kept), tuple(kept)))
        kept.remove(min(kept, key=lambda name: sum(name in one for one in found.values())))
    return max(candidates)[2] if candidates else ()


def _entry(standings: Mapping[str, Standing]) -> Entry:
    return next(iter(standings.values())).entry


def _names(found: Mapping[Encoder, object]) -> dict[Encoder, str]:
    """Labels, with the size where sizes differ."""
    sizes = {size for size, _ in found if size not in SPEAK_FOR_THEMSELVES}
    plain = {(size, label): label if len(sizes) < 2 else with_size(label, size) for size, label in sorted(found)}
    count = Counter(plain.values())
    return {encoder: name if count[name] == 1 else f"{name} {encoder[0]}" for encoder, name in plain.items()}


def _ranked(rows: Sequence[Row], datasets: Sequence[str], terms: Terms) -> tuple[list[Row], list[str]]:
    """The rows with rank, score and minutes, and the datasets whose predictions were not read."""
    if not rows or not datasets:
        return list(rows), []
    scores, errors, lowest, from_seeds = [], [], [], []
    for number, name in enumerate(datasets):
        entries = [row.standings[name].entry for row in rows]
        read = terms(entries)
        if read is None:
            from_seeds.append(name)
            read = [_of_seeds(entry) for entry in entries]
        rng = np.random.default_rng(number)
        errors.append(stats.errors_of_all(read, rng, RESAMPLES, [entry.pretrainings for entry in entries]))
        scores.append([float(np.mean(entry.scores())) for entry in entries])
        lowest.append(entries[0].lowest)
    found = stats.overall(scores, np.stack(errors), lowest=lowest)
    return [
        replace(row, rank=one.rank, score=one.score, minutes=_minutes(row, datasets))
        for row, one in zip(rows, found, strict=True)
    ], from_seeds


def _of_seeds(entry: Entry) -> NDArray[np.float64]:
    """The scores of the seeds as terms of one example, see `harness.comparison.stats.errors_of_all`."""
    scores = np.array(entry.scores() * entry.times_counted, dtype=float)
    return np.stack([scores, np.ones_like(scores)], axis=-1)[:, None, :]


def _minutes(row: Row, datasets: Sequence[str]) -> float | None:
    found = [row.standings[name].entry for name in datasets]
    fits = [
        [run["seconds"]["fit"] for run in one.runs if trains(one.recipe) and "fit" in run["seconds"]] for one in found
    ]
    return sum(median(each) for each in fits) / 60 if all(fits) else None


def _place(row: Row) -> tuple[float, float, str]:
    """Sorts by mean rank, then mean score."""
    return (row.rank.value if row.rank else 0.0), -(row.score.value if row.score else 0.0), row.name
