"""Simulate how often 95 % intervals over pretrainings, fine-tuning seeds and examples hold the true value.

Accuracies on 100 examples from a probit model with effects of pretraining, fine-tuning seed and example; two fine-tuning
seeds for each pretraining. Compares the interval that the harness prints with the published Multi-Bootstrap. Differences
are those from three runs of weights that come from no pretraining, on the same examples.

    python -m benchmarks.coverage
    python -m benchmarks.coverage --experiments 500
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from harness.comparison import stats

EXAMPLES, FINETUNINGS, LEVEL, OTHERS = 100, 2, 0.5, 3


def main() -> None:
    """Print a row for each number of pretrainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000, help="simulations of each row (default 2000)")
    experiments = parser.parse_args().experiments
    print("| pretrainings | t over pretrainings | Multi-Bootstrap | runs taken for independent | differences, t |")
    print("| --- | --- | --- | --- | --- |")
    for pretrainings in (2, 3, 5, 10):
        shares = [coverage(pretrainings, spread, experiments) for spread in (0.1, 0.3, 0.6)]
        cells = [f"{min(column):.0%} to {max(column):.0%}" for column in zip(*shares, strict=True)]
        print(f"| {pretrainings} | {' | '.join(cells)} |")


def coverage(pretrainings: int, spread: float, experiments: int) -> list[float]:
    """The share of intervals of each kind that hold the true accuracy, where pretrainings differ by ``spread``."""
    rng = np.random.default_rng(pretrainings)
    truth, other = (accuracy(level, spread) for level in (LEVEL, 0.0))
    seeds = np.repeat(np.arange(pretrainings), FINETUNINGS)
    held = np.zeros(4)
    for _ in range(experiments):
        difficulty = rng.standard_normal(EXAMPLES)
        terms = answers(rng, difficulty, abilities(rng, seeds, LEVEL, spread))
        others = answers(rng, difficulty, abilities(rng, np.arange(OTHERS), 0.0, spread))
        difference = stats.difference(terms, others, rng, resamples=300, pretrainings=(seeds, None))
        found = (
            stats.score_interval(terms, rng, resamples=300, pretrainings=seeds),
            stats.multi_bootstrap(terms, seeds, rng, resamples=300),
            stats.score_interval(terms, rng, resamples=300),
        )
        held += [*(_holds(one, truth) for one in found), _holds(difference.estimate, truth - other)]
    return list(held / experiments)


def _holds(found: stats.Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


def accuracy(level: float, spread: float) -> float:
    """The expected accuracy of a run."""
    return float(norm.cdf(level / np.sqrt(2 + spread**2 + (spread / 2) ** 2)))


def abilities(rng: np.random.Generator, seeds: NDArray[np.intp], level: float, spread: float) -> NDArray[np.float64]:
    """Of runs from these pretrainings: the standard deviation of pretrainings is ``spread``, of fine-tuning half of it."""
    of_pretraining = spread * rng.standard_normal(seeds.max() + 1)[seeds]
    return level + of_pretraining + spread / 2 * rng.standard_normal(len(seeds))


def answers(
    rng: np.random.Generator, difficulty: NDArray[np.float64], ability: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Right and wrong answers, as terms of shape (runs, examples, 2)."""
    right = ability[:, None] - difficulty + rng.standard_normal((len(ability), len(difficulty))) > 0
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


if __name__ == "__main__":
    main()
