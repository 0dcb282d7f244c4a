"""Compare two encoders example by example: from finished runs to differences, intervals and p-values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.comparison import stats
from harness.comparison.entries import Entry
from harness.errors import InputError
from harness.store import PredictionRow, RunRecord

Predictions = Callable[[RunRecord], Iterable[PredictionRow]]
"""Reads the predictions of a run, see `harness.store.Store.predictions`."""

Shares = Callable[[Entry], tuple[list[str], NDArray[np.float64]]]
"""Ids of the examples and each example's share of the metric, see `terms`."""

SIGNIFICANCE = 0.05
RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """Two encoders on one dataset.

    Attributes:
        ours, theirs: the entries.
        n_examples: of the split.
        our_score, their_score: mean over runs, with its interval over new seeds and examples.
        difference: ours minus theirs, see `harness.comparison.stats.difference`; its minimum detectable difference is of a test
            at 5 % shared among the comparisons made together.
        p_holm: its p-value, corrected for the number of comparisons made together.
        improvement: probability that a new run of ours scores higher, see `harness.comparison.stats.probability_of_improvement`;
            with several pretrainings a run is the average over one pretraining's fine-tuning seeds.
        notes: caveats for the reader, one sentence each.
    """

    ours: Entry
    theirs: Entry
    n_examples: int
    our_score: stats.Estimate
    their_score: stats.Estimate
    difference: stats.Difference
    p_holm: float
    improvement: stats.Estimate
    notes: tuple[str, ...] = ()

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 5 %."""
        return self.p_holm < SIGNIFICANCE


def compare(
    pairs: Sequence[tuple[Entry, Entry]],
    our_predictions: Predictions,
    their_predictions: Predictions,
    split: Literal["dev", "test"] = "test",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Comparison]:
    """Compare each pair of entries, and correct the p-values for all of them together.

    Args:
        pairs: two entries of one dataset each, see `harness.comparison.pairing.pairs`.
        our_predictions, their_predictions: read the predictions of each side's runs.
        split: whose predictions are compared.
        resamples: of every interval and test, at least; more where there are so many pairs that none could be significant.
        seed: of the resamples; every pair and every side starts from it, so that neither the rows of a table nor the two sides
            depend on each other.

    Raises:
        InputError: predictions are missing, have no terms, or are of different examples.
    """
    found = []
    level = SIGNIFICANCE / max(len(pairs), 1)
    resamples = max(resamples, ceil(2 / level))  # fewer could make no difference of so many significant
    for ours, theirs in pairs:
        left, right = terms(ours, our_predictions, split), terms(theirs, their_predictions, split)
        if left[0] != right[0]:
            raise InputError(
                f"the {split} predictions of {ours.model} and {theirs.model} on {ours.dataset} are of different examples "
                f"({other_example(left[0], right[0])}); run one of them again with --force"
            )
        found.append(_compared(ours, theirs, left[1], right[1], level=level, resamples=resamples, seed=seed))
    corrected = stats.holm([one.difference.p for one in found])
    return [replace(one, p_holm=float(p)) for one, p in zip(found, corrected, strict=True)]


def _compared(
    ours: Entry,
    theirs: Entry,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    *,
    level: float,
    resamples: int,
    seed: int,
) -> Comparison:
    """Compare the terms of two entries, each of shape (runs, examples, 2); the p-value is not corrected yet.

    Args:
        level: of significance of this comparison alone, for the minimum detectable difference.
    """
    our_score, their_score = (
        stats.score_interval(
            side,
            np.random.default_rng(seed),
            resamples=resamples,
            pretrainings=entry.pretrainings,
            bounds=(entry.lowest, 1.0),
        )
        for side, entry in ((left, ours), (right, theirs))
    )
    # Always in the same order, so that B against A is exactly the opposite of A against B.
    (first, one), (second, other) = sorted([(left, ours), (right, theirs)], key=lambda side: side[1].runs[0]["key"])
    difference = stats.difference(
        first,
        second,
        np.random.default_rng(seed),
        resamples=resamples,
        level=level,
        pretrainings=(one.pretrainings, other.pretrainings),
        bounds=(min(ours.lowest, theirs.lowest), 1.0),
    )
    if one is not ours:
        value, low, high = difference.estimate
        difference = replace(difference, estimate=stats.Estimate(-value, -high, -low))
    improvement = stats.probability_of_improvement(
        stats.independent_scores(stats.score(left), ours.pretrainings)[:, None],
        stats.independent_scores(stats.score(right), theirs.pretrainings)[:, None],
    )
    return Comparison(
        ours,
        theirs,
        n_examples=left.shape[1],
        our_score=our_score,
        their_score=their_score,
        difference=difference,
        p_holm=difference.p,
        improvement=improvement,
        notes=tuple(_notes(ours, theirs)),
    )


def terms(entry: Entry, predictions: Predictions, split: str = "test") -> tuple[list[str], NDArray[np.float64]]:
    """The share of every example in the main metric of every run.

    Returns:
        The ids of the examples, sorted, and an array of shape (runs, examples, 2), see `harness.comparison.stats` and
        `harness.comparison.entries.Entry.times_counted`.

    Raises:
        InputError: rows are missing or have no terms, runs differ in their examples, or the terms do not add up to the
            recorded score.
    """
    ids: list[str] = []
    runs = []
    for run in entry.runs:
        subject = f"the {split} predictions of {entry.model} on {entry.where}, seed {run['seed']},"
        rows = [row for row in predictions(run) if row["split"] == split]
        if not rows and split != "test":
            raise InputError(f"{subject} are not in the store; a published store has those of the test sets alone")
        if not rows or any("terms" not in row for row in rows):
            raise InputError(f"{subject} do not contain each example's share of the score; run it again with --force")
        rows.sort(key=lambda row: str(row["id"]))
        names = [str(row["id"]) for row in rows]
        if ids and names != ids:
            raise InputError(
                f"{subject} are of different examples than those of other seeds; run it again with --force"
            )
        ids = names
        shares = np.array([row["terms"] for row in rows], dtype=float)
        recorded = run["scores"][split][entry.metric]
        if abs(stats.score(shares) - recorded) > 1e-4:
            raise InputError(
                f"{subject} add up to {stats.score(shares):.4f}, not to its score of {recorded:.4f}; run it again"
            )
        runs.append(shares)
    return ids, np.stack(runs * entry.times_counted)


def _notes(ours: Entry, theirs: Entry) -> Iterable[str]:
    where = ours.where
    single = [entry.full_name for entry in (ours, theirs) if not entry.knows_spread]
    if len(single) == 2:
        yield f"one run per side on {where}: intervals and p-values hold for these two runs, not for other seeds"
    elif single:
        yield f"{single[0]} has one run on {where}: the difference assumes the other side's spread over seeds for it"
    if ours.is_trial or theirs.is_trial:
        yield f"{where} is a trial (--test-limit): run it without for a result"
    for entry in (ours, theirs):
        if entry.pretrainings and len(set(entry.pretrainings)) == 1:
            yield (
                f"the weights of {entry.full_name} on {where} come from one pretraining: "
                "the interval does not cover other pretraining seeds"
            )
    for entry in (ours, theirs):
        if rate := entry.better_rate_with_fewer_seeds:
            yield (
                f"on {where} {entry.full_name} has a better dev score at the learning rate {rate:g} than at the one compared, "
                f"{entry.learning_rate:g}, but fewer seeds there: run the missing ones"
            )
    if len(ours.dev_by_learning_rate) != len(theirs.dev_by_learning_rate):
        counts = [len(entry.dev_by_learning_rate) for entry in (ours, theirs)]
        yield (
            f"on {where} the learning rate was chosen from {counts[0]} for {ours.full_name} "
            f"and {counts[1]} for {theirs.full_name}"
        )


def other_example(ours: list[str], theirs: list[str]) -> str:
    """An example that only one side has."""
    only = sorted(set(ours) ^ set(theirs))
    return f"{only[0]!r} is on one side only" if only else "an id is there more often on one side"
