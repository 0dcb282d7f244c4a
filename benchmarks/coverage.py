"""Simulate how often 95 % intervals over pretrainings, fine-tuning seeds and examples hold the true value.

Accuracies on 100 examples from a probit model with effects of pretraining, fine-tuning seed and example; two fine-tuning
seeds for each pretraining. Compares the interval that the harness prints with the published Multi-Bootstrap.

    python -m benchmarks.coverage
    python -m benchmarks.coverage --experiments 500
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from harness.comparison import stats

EXAMPLES, FINETUNINGS, LEVEL = 100, 2, 0.5


def main() -> None:
    """Print a row for each number of pretrainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000, help="simulations of each row (default 2000)")
    experiments = parser.parse_args().experiments
    print("| pretrainings | t over pretrainings | Multi-Bootstrap | runs taken for independent |")
    print("| --- | --- | --- | --- |")
    for pretrainings in (2, 3, 5, 10):
        shares = [coverage(pretrainings, spread, experiments) for spread in (0.1, 0.3, 0.6)]
        cells = [f"{min(column):.0%} to {max(column):.0%}" for column in zip(*shares, strict=True)]
        print(f"| {pretrainings} | {' | '.join(cells)} |")


def coverage(pretrainings: int, spread: float, experiments: int) -> list[float]:
    """The share of intervals of each kind that hold the true accuracy, where pretrainings differ by ``spread``."""
    rng = np.random.default_rng(pretrainings)
    truth = norm.cdf(LEVEL / np.sqrt(2 + spread**2 + (spread / 2) ** 2))
    seeds = np.repeat(np.arange(pretrainings), FINETUNINGS)
    held = np.zeros(3)
    for _ in range(experiments):
        terms = nested_answers(rng, seeds, EXAMPLES, spread, spread / 2)
        found = (
            stats.score_interval(terms, rng, resamples=300, pretrainings=seeds),
            stats.multi_bootstrap(terms, seeds, rng, resamples=300),
            stats.score_interval(terms, rng, resamples=300),
        )
        held += [one.low <= truth <= one.high for one in found]
    return list(held / experiments)


def nested_answers(
    rng: np.random.Generator, seeds: NDArray[np.intp], examples: int, pretraining: float, finetuning: float
) -> NDArray[np.float64]:
    """Right and wrong answers, as terms of shape (runs, examples, 2); the last two arguments are standard deviations."""
    ability = (
        LEVEL + pretraining * rng.standard_normal(seeds.max() + 1)[seeds] + finetuning * rng.standard_normal(len(seeds))
    )
    right = ability[:, None] + rng.standard_normal(examples) + rng.standard_normal((len(seeds), examples)) > 0
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


if __name__ == "__main__":
    main()
