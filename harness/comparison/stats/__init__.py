"""Statistics of a comparison: pure functions over arrays, with the numpy generator passed in.

Three shapes of data:

- scores of shape (runs, tasks): one run is one seed (`aggregate`, `improvement`);
- terms of shape (runs, examples, 2): numerator and denominator of every example's share of the metric, whose value is the
  sum of numerators over the sum of denominators (`examples`); an accuracy has denominators of 1, F1 has [2 tp, predicted + gold];
- p-values of shape (comparisons,) (`paired.holm`).

The intervals:

| question | function | resamples |
| --- | --- | --- |
| a model's score on one task, for new seeds and new examples | `examples.score_interval` | examples; seeds by t |
| the same for new pretrainings too | `examples.score_interval(pretrainings=...)` | examples; pretrainings by t |
| the same, as published | `multi_bootstrap.multi_bootstrap` | pretrainings, runs, examples |
| an aggregate over tasks, for new seeds on the same tasks | `aggregate.seed_interval` | seeds within each task |
| mean rank and mean score of many models over tasks | `ranks.overall` | examples, the same for all; seeds by t |
| the difference of two models on one task | `paired.difference` | examples, the same for both; seeds by t |
| which of two models scores higher with a new seed | `improvement.probability_of_improvement` | nothing: closed form |
"""

from harness.comparison.stats.aggregate import Estimate, iqm, median, seed_interval
from harness.comparison.stats.examples import errors_of_all, groupings, independent_scores, score, score_interval
from harness.comparison.stats.improvement import probability_of_improvement
from harness.comparison.stats.multi_bootstrap import multi_bootstrap
from harness.comparison.stats.paired import Difference, approximate_randomisation, difference, holm, paired_bootstrap
from harness.comparison.stats.ranks import Overall, overall, ranks

__all__ = [
    "Difference",
    "Estimate",
    "Overall",
    "approximate_randomisation",
    "difference",
    "errors_of_all",
    "groupings",
    "holm",
    "independent_scores",
    "iqm",
    "median",
    "multi_bootstrap",
    "overall",
    "paired_bootstrap",
    "probability_of_improvement",
    "ranks",
    "score",
    "score_interval",
    "seed_interval",
]
