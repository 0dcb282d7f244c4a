"""From finished runs to differences, their intervals, and what they say of a published finding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.comparison import stats
from harness.comparison.entries import Entry, entry_of
from harness.comparison.paired_test import Predictions, terms
from harness.comparison.stats import Estimate
from harness.errors import InputError
from harness.store.record import PretrainingRecord, RunRecord
from models.ablations import Direction, Finding

AGREES, DISAGREES, CANNOT_TELL = "agrees", "disagrees", "cannot tell at this scale"
NO_FINDING = "no finding published in our sources"
HELD_OUT, BITS_PER_BYTE = "held-out", "bits_per_byte"
ONE_SEED = "one seed has no interval"
RESAMPLES = 10_000

Runs = Mapping[int, Sequence[RunRecord]]
"""The finished cells of one variant on one dataset, by pretraining seed."""
_UNKNOWN = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Judged:
    """One variant beside the baseline, by one measure.

    Attributes:
        variant: its name.
        measure: ``held-out``, or the dataset.
        metric: full name.
        baseline, score: mean over the seeds that both have; nan where a side has none.
        difference: variant less baseline, with its 95 % interval; its ends are nan where one seed has none.
        pretraining_seeds, seeds: how many of each are compared.
        finding: what the paper found, in words.
        source: where that is stated.
        verdict: `AGREES`, `DISAGREES` or `CANNOT_TELL`; empty where there is no finding.
        note: what must be known to read it.
    """

    variant: str
    measure: str
    metric: str
    baseline: float
    score: float
    difference: Estimate
    pretraining_seeds: int
    seeds: int
    finding: str
    source: str
    verdict: str
    note: str


def verdict(claim: Direction, difference: Estimate, better: Literal["higher", "lower"] = "higher") -> str:
    """What an interval says of a claim.

    Args:
        claim: how the variant is said to do beside the baseline.
        difference: variant less baseline, with its interval; its ends are nan where there is none.
        better: which values of the measure are good ones.

    Returns:
        `AGREES` if the interval lies wholly on the claimed side of 0, `DISAGREES` if wholly on the other, else
        `CANNOT_TELL`.
    """
    claimed_above = (claim == "better") == (better == "higher")
    above, below = difference.low > 0, difference.high < 0
    if not (above or below):  # nan is neither
        return CANNOT_TELL
    return AGREES if above == claimed_above else DISAGREES


def paired_difference(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """The difference of two variants on one test set with its 95 % interval.

    The only place where intervals of scores are made. Several pretraining seeds are the runs of `stats.difference`, each
    with the mean of its fine-tuning seeds: the fine-tuning seeds of one checkpoint are no independent runs. With one
    pretraining seed the fine-tuning seeds are the runs, and the interval tells of these weights. With one seed of both
    the ends are nan.

    Args:
        ours, theirs: terms of shape (pretraining seeds, fine-tuning seeds, examples, 2), the same seeds and examples on
            both sides, see `harness.comparison.stats`.
        rng: draws the resamples.
        resamples: how many.
    """
    left, right = (side.mean(axis=1) if len(side) > 1 else side[0] for side in (ours, theirs))
    found = stats.difference(left, right, rng, resamples=resamples)
    return found.estimate if found.over_seeds else Estimate(found.estimate.value, math.nan, math.nan)


def held_out_difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The mean difference of held-out losses over pretraining seeds, with its 95 % t interval.

    Args:
        ours, theirs: one value a pretraining seed, of the same seeds in the same order: equal seeds read the same rows in
            the same order, so their differences are taken seed by seed. Held-out rows and masks are fixed.
    """
    paired = np.subtract(ours, theirs)[:, None]
    return stats.seed_interval(paired, lambda scores: scores.mean(axis=(-2, -1)), np.random.default_rng(0))


def judge_held_out(
    variant: str,
    ours: Mapping[int, PretrainingRecord],
    theirs: Mapping[int, PretrainingRecord],
    row_length: int,
) -> Judged:
    """A variant beside the baseline by held-out bits a byte, of which no finding speaks.

    Args:
        variant: its name.
        ours, theirs: results by pretraining seed.
        row_length: tokens of the held-out rows, the same for all variants.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    values = [[side[seed]["scores"]["heldout_by_rows"][str(row_length)][BITS_PER_BYTE] for seed in seeds]
              for side in (ours, theirs)]  # fmt: skip
    difference = held_out_difference(*values) if seeds else _UNKNOWN
    means = [float(np.mean(side)) if seeds else math.nan for side in values]
    note = ("" if len(seeds) > 1 else ONE_SEED) if seeds else _missing(ours)
    return Judged(
        variant, HELD_OUT, BITS_PER_BYTE, means[1], means[0], difference, len(seeds), 0, NO_FINDING, "", "", note
    )


def judge(
    variant: str, dataset: str, finding: Finding | None, ours: Runs, theirs: Runs, predictions: Predictions
) -> Judged:
    """A variant beside the baseline by the main metric of one dataset.

    Args:
        variant: its name.
        dataset: ``family/dataset``.
        finding: what the paper found of it.
        ours, theirs: finished cells by pretraining seed. The learning rate of either side is the one with the best median
            on dev over all of them.
        predictions: where the rows of their predictions are read.
    """
    applies = finding if finding is not None and dataset.partition("/")[0] in finding.families else None
    told = (applies.words if applies else NO_FINDING, applies.source if applies else "")
    sides = [_Side.of(runs) for runs in (ours, theirs)]
    metric = next((side.entry.metric for side in sides if side), "")
    seeds = _common(sides)
    if not seeds or sides[0] is None or sides[1] is None:
        claimed = CANNOT_TELL if applies else ""
        return Judged(variant, dataset, metric, math.nan, math.nan, _UNKNOWN, 0, 0, *told, claimed, _missing(ours))
    try:
        arrays = _terms(sides[0], sides[1], seeds, predictions)
    except InputError as error:
        claimed = CANNOT_TELL if applies else ""
        return Judged(variant, dataset, metric, math.nan, math.nan, _UNKNOWN, 0, 0, *told, claimed, str(error))
    difference = paired_difference(*arrays, np.random.default_rng(0))
    means = [float(stats.score(side).mean()) for side in arrays]
    n_pretrained, n_seeds = arrays[0].shape[:2]
    said = verdict(applies.claim, difference) if applies else ""
    note = _note(n_pretrained, n_seeds)
    return Judged(variant, dataset, metric, means[1], means[0], difference, n_pretrained, n_seeds, *told, said, note)


@dataclass(frozen=True)
class _Side:
    """The runs of one variant at its learning rate, by pretraining seed and fine-tuning seed."""

    entry: Entry
    keys: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, runs: Runs) -> _Side | None:
        """The side of some finished cells; ``None`` where there are none."""
        pretrained = {run["key"]: seed for seed, group in runs.items() for run in group}
        if not pretrained:
            return None
        entry = entry_of([run for group in runs.values() for run in group])
        return cls(entry, tuple((pretrained[run["key"]], run["seed"]) for run in entry.runs))


def _common(sides: Iterable[_Side | None]) -> list[list[tuple[int, int]]]:
    """The seeds to compare, a list for each pretraining seed: those for which both sides have all fine-tuning seeds."""
    found = [set(side.keys) if side else set() for side in sides]
    both = set.intersection(*found)
    seeds = {seed for keys in found for _, seed in keys}
    whole = [one for one in sorted({one for one, _ in both}) if all((one, seed) in both for seed in seeds)]
    return [[(one, seed) for seed in sorted(seeds)] for one in whole]


def _terms(
    ours: _Side, theirs: _Side, seeds: list[list[tuple[int, int]]], predictions: Predictions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The terms of both sides, of shape (pretraining seeds, fine-tuning seeds, examples, 2)."""
    arrays, examples = [], []
    for side in (ours, theirs):
        ids, shares = terms(side.entry, predictions)
        place = {key: number for number, key in enumerate(side.keys)}
        arrays.append(np.stack([np.stack([shares[place[key]] for key in group]) for group in seeds]))
        examples.append(ids)
    if examples[0] != examples[1]:
        raise InputError("the two sides were tested on different examples; choose another --store")
    return arrays[0], arrays[1]


def _missing(ours: Mapping[int, object]) -> str:
    return "the baseline has no finished runs to compare with" if ours else "the variant has no finished runs"


def _note(pretrained: int, seeds: int) -> str:
    if pretrained > 1:
        return ""
    return ONE_SEED if seeds == 1 else "one pretraining seed: the interval tells of these weights alone"
