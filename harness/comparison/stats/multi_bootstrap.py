"""The Multi-Bootstrap (Sellam et al., 2022, arXiv 2106.16163): pretrainings and examples are drawn anew together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.comparison.stats.aggregate import Estimate
from harness.comparison.stats.examples import Terms, resampled_scores, score

Members = list[NDArray[np.intp]]
"""The runs of each pretraining."""


def multi_bootstrap(
    ours: ArrayLike,
    our_pretrainings: ArrayLike,
    rng: np.random.Generator,
    *,
    theirs: ArrayLike | None = None,
    their_pretrainings: ArrayLike | None = None,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Estimate:
    """A score, or a difference, with the published percentile interval over new pretrainings and new examples.

    Every draw takes the pretrainings with replacement, the fine-tuning runs of each drawn one with replacement, and the test
    examples with replacement, the same for all runs. Every pretraining has equal weight. The two sides of a difference draw
    their pretrainings independently, since equal seeds of two architectures share nothing but the data order.

    Sellam et al. publish it for 25 pretrainings. With few of them it covers too little: n drawn pretrainings spread less than
    new ones by the factor sqrt((n - 1) / n), and never beyond the best. `score_interval` and `difference` therefore use
    Student's t over the pretrainings instead. Coverage of 95 % intervals of accuracies on 100 examples, two fine-tuning seeds
    for each pretraining, 2,000 simulations each (`python -m benchmarks.coverage`):

    | pretrainings | t over pretrainings | Multi-Bootstrap | runs taken for independent |
    | --- | --- | --- | --- |
    | 2 | 95% to 98% | 75% to 97% | 82% to 95% |
    | 3 | 94% to 97% | 84% to 97% | 84% to 94% |
    | 5 | 94% to 96% | 90% to 97% | 86% to 94% |
    | 10 | 94% to 95% | 94% to 96% | 88% to 93% |

    Args:
        ours: terms of shape (runs, examples, 2).
        our_pretrainings: shape (runs,): the pretraining seed of each run.
        rng: draws.
        theirs, their_pretrainings: of the other side, on the same examples; then the estimate is ours less theirs.
        resamples: how many.
        confidence: of the interval.
    """
    given = [(ours, our_pretrainings)]
    if theirs is not None and their_pretrainings is not None:
        given.append((theirs, their_pretrainings))
    sides = [np.asarray(terms, dtype=float) for terms, _ in given]
    members = [_members(pretrainings) for _, pretrainings in given]
    signs = np.array([1.0, -1.0][: len(sides)])
    values = [np.mean([score(terms[runs]).mean() for runs in each]) for terms, each in zip(sides, members, strict=True)]
    drawn = signs @ _draws(sides, members, rng, resamples)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(signs @ values), float(low), float(high))


def _members(pretrainings: ArrayLike) -> Members:
    seeds = np.asarray(pretrainings)
    return [np.flatnonzero(seeds == seed) for seed in np.unique(seeds)]


def _draws(
    sides: Sequence[Terms], members: Sequence[Members], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """The mean score of each side in each draw, shape (sides, resamples)."""
    found = [
        [(scores * _weights(each, len(scores), rng)).sum(axis=1) for scores, each in zip(block, members, strict=True)]
        for block in resampled_scores(sides, rng, resamples)
    ]
    return np.concatenate(found, axis=1)


def _weights(members: Members, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The weight of each run in each draw, shape (draws, runs)."""
    weights = np.zeros((draws, sum(map(len, members))))
    for _ in members:
        chosen = rng.integers(len(members), size=draws)
        for number, runs in enumerate(members):
            rows = np.flatnonzero(chosen == number)
            often = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=len(rows))
            weights[rows[:, None], runs] += often / len(runs)
    return weights / len(members)
