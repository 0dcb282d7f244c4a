"""Benchmarks of several datasets with one score over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from tasks.registered import TASKS
from tasks.task import measured


@dataclass(frozen=True)
class Suite:
    """A benchmark.

    Attributes:
        name: can be a file's.
        title: for people.
        parts: the datasets; those of one part are averaged first, as the two test sets of MultiNLI are.
        note: how its score is defined, in a sentence.
    """

    name: str
    title: str
    parts: tuple[tuple[str, ...], ...]
    note: str

    @property
    def datasets(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(dataset for part in self.parts for dataset in part)

    def metrics(self) -> dict[str, str]:
        """The main metric of each dataset, as it is declared."""
        split = {dataset: dataset.partition("/") for dataset in self.datasets}
        return {dataset: measured(TASKS[family], name).metric for dataset, (family, _, name) in split.items()}

    def mean(self, scores: Mapping[str, float]) -> float | None:
        """The benchmark's score from the main metric of each dataset; ``None`` if one is missing."""
        if any(dataset not in scores for dataset in self.datasets):
            return None
        return fmean(fmean(scores[dataset] for dataset in part) for part in self.parts)


GLUE = Suite(
    "glue",
    "GLUE",
    (
        ("classification/cola",),
        ("classification/sst2",),
        ("classification/mrpc",),
        ("sts/stsb",),
        ("classification/qqp",),
        ("nli/mnli", "nli/mnli_mismatched"),
        ("classification/qnli",),
        ("nli/rte",),
        ("nli/wnli",),
    ),
    "The GLUE mean is over nine tasks (Wang et al., 2019): a task with two metrics counts by their mean, MultiNLI by the mean of its "
    "two test sets. GLUE hides most of its test labels, so this is no score of its leaderboard: the test splits here are the development "
    "sets, and of MRPC and STS-B the published test sets",
)

SUITES = (GLUE,)
