"""From finished runs to differences, their intervals, and what they say of a published finding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        note: caveats for the reader.
    """

    variant: str
    measure: str
    metric: str = ""
    baseline: float = math.nan
    score: float = math.nan
    difference: Estimate = _UNKNOWN
    pretraining_seeds: int = 0
    seeds: int = 0
    finding: str = NO_FINDING
    source: str = ""
    verdict: str = ""
    note: str = ""


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
    ours: tuple[NDArray[np.float64], Sequence[int]],
    theirs: tuple[NDArray[np.float64], Sequence[int]],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The difference of two variants on one test set with its 95 % interval, over seeds and examples.

    See `harness.comparison.stats.difference`. With several pretraining seeds they are what is drawn anew; with one the
    interval is over fine-tuning seeds of these weights. With one seed of both the ends are nan.

    Args:
        ours, theirs: terms of shape (runs, examples, 2), the same examples on both sides, and the pretraining seed of each run.
        rng: draws the resamples.
        resamples: how many.
    """
    found = stats.difference(ours[0], theirs[0], rng, resamples=resamples, pretrainings=(ours[1], theirs[1]))
    return found.estimate if found.over_seeds else Estimate(found.estimate.value, math.nan, math.nan)


def held_out_difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The mean difference of held-out losses over pretraining seeds, with its 95 % t interval.

    Args:
        ours, theirs: one value per pretraining seed, of the same seeds in the same order: equal seeds read the same rows in
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
    """A variant beside the baseline by held-out bits per byte, which no finding reports.

    Args:
        variant: its name.
        ours, theirs: results by pretraining seed.
        row_length: tokens of the held-out rows, the same for all variants.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    values = [
        [side[seed]["scores"]["heldout_by_rows"][str(row_length)][BITS_PER_BYTE] for seed in seeds]
        for side in (ours, theirs)
    ]
    difference = held_out_difference(*values) if seeds else _UNKNOWN
    means = [float(np.mean(side)) if seeds else math.nan for side in values]
    note = ("" if len(seeds) > 1 else ONE_SEED) if seeds else _missing(ours)
    return Judged(
        variant=variant,
        measure=HELD_OUT,
        metric=BITS_PER_BYTE,
        score=means[0],
        baseline=means[1],
        difference=difference,
        pretraining_seeds=len(seeds),
        note=note,
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
    plain = Judged(variant, dataset)
    if applies:
        plain = replace(plain, finding=applies.words, source=applies.source, verdict=CANNOT_TELL)
    try:
        sides, n_pretrained, n_seeds = _paired(ours, theirs, predictions)
    except InputError as error:
        return replace(plain, note=str(error))
    difference = paired_difference(sides[0].terms, sides[1].terms, np.random.default_rng(0))
    score, baseline = (float(stats.score(side.terms[0]).mean()) for side in sides)
    return replace(
        plain,
        metric=sides[0].metric,
        score=score,
        baseline=baseline,
        difference=difference,
        pretraining_seeds=n_pretrained,
        seeds=n_seeds,
        verdict=verdict(applies.claim, difference) if applies else "",
        note=_note(n_pretrained, n_seeds),
    )


@dataclass(frozen=True)
class _Side:
    """The runs of one variant that are compared: what each example adds to each run's metric, and each run's pretraining seed."""

    metric: str
    examples: list[str]
    terms: tuple[NDArray[np.float64], list[int]]


def _paired(ours: Runs, theirs: Runs, predictions: Predictions) -> tuple[tuple[_Side, _Side], int, int]:
    """Both sides with the runs of the same seeds, and how many pretraining seeds and fine-tuning seeds these are.

    Raises:
        InputError: a side has no run that the other has too, or their predictions cannot be compared.
    """
    if not ours or not theirs:
        raise InputError(_missing(ours))
    chosen = [_at_one_rate(runs) for runs in (ours, theirs)]
    seeds = {seed for _, by_seed in chosen for _, seed in by_seed}
    both = chosen[0][1].keys() & chosen[1][1].keys()
    whole = [one for one in sorted({one for one, _ in both}) if all((one, seed) in both for seed in seeds)]
    if not whole:
        raise InputError("no pretraining seed has all fine-tuning seeds finished on both sides")
    keys = [(one, seed) for one in whole for seed in sorted(seeds)]
    left, right = (
        _side(replace(entry, runs=tuple(by_seed[key] for key in keys)), keys, predictions) for entry, by_seed in chosen
    )
    if left.examples != right.examples:
        raise InputError("the two sides were tested on different examples; choose another --store")
    return (left, right), len(whole), len(seeds)


def _at_one_rate(runs: Runs) -> tuple[Entry, dict[tuple[int, int], RunRecord]]:
    """The runs of one variant at the learning rate that served dev best, by pretraining seed and fine-tuning seed."""
    entry = entry_of([run for group in runs.values() for run in group])
    pretrained = {run["key"]: seed for seed, group in runs.items() for run in group}
    return entry, {(pretrained[run["key"]], run["seed"]): run for run in entry.runs}


def _side(entry: Entry, keys: Sequence[tuple[int, int]], predictions: Predictions) -> _Side:
    examples, shares = terms(entry, predictions)
    # `terms` counts a run twice that no seed can change; here another pretraining could change it, so it counts once.
    once = shares[: len(keys)]
    return _Side(entry.metric, examples, (once, [one for one, _ in keys]))


def _missing(ours: Mapping[int, object]) -> str:
    return "the baseline has no finished runs to compare with" if ours else "the variant has no finished runs"


def _note(pretrained: int, seeds: int) -> str:
    if pretrained > 1:
        return ""
    return ONE_SEED if seeds == 1 else "one pretraining seed: the interval tells of these weights alone"
