"""What differs between the kinds of runs: how a task is encoded, trained, predicted and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.nn.training import Fit
from harness.progress import Reporter
from harness.store.record import ExampleCounts
from models.parameters import ParameterCounts
from tasks.task import Data, Split

EVALUATED: tuple[Split, ...] = ("dev", "test")


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    Attributes:
        scores: every metric of dev and test; a split without examples has none.
        rows: one an example of dev and test, with its ``split``.
        tuned: what was decided on dev.
    """

    scores: Mapping[Split, Mapping[str, float]]
    rows: list[dict[str, Any]]
    tuned: Mapping[str, float] = field(default_factory=dict)


class Scored(Protocol):
    """What a task makes of predictions: see `tasks.task.Task`."""

    def score(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
        """Every metric under its full name."""
        ...

    def rows(self, examples: Sequence[Any], predictions: Sequence[Any]) -> list[dict[str, Any]]:
        """One row an example."""
        ...


def outcome_of(
    task: Scored, data: Data, predictions: Mapping[Split, Sequence[Any]], tuned: Mapping[str, float] | None = None
) -> Outcome:
    """The scores and rows of dev and test."""
    scores = {split: task.score(data.splits[split], predictions[split]) for split in EVALUATED}
    rows = [{"split": split, **row} for split in EVALUATED for row in task.rows(data.splits[split], predictions[split])]
    return Outcome(scores, rows, tuned or {})


class Procedure(Protocol):
    """The steps of one run, which `harness.pipelines.pipeline` calls in this order, each once, and times."""

    def load(self) -> Data:
        """Read the data and the weights.

        Raises:
            InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        """
        ...

    def encode(self) -> None:
        """Turn text into model inputs, where that is done ahead of time."""
        ...

    def fit(self, report: Reporter, checkpoints: Path | None, curves: Path | None) -> Fit:
        """Train, or leave the weights as they are where the recipe says so.

        Raises:
            DivergedError: training ended in a loss that is no number.
        """
        ...

    def predict(self, report: Reporter) -> None:
        """Predict dev and test."""
        ...

    def score(self) -> Outcome:
        """Score dev and test."""
        ...

    def counts(self) -> ExampleCounts:
        """What the record says of the examples, beside their number: ``n_train``, ``n_windowed``, ``n_truncated``, ..."""
        ...

    def parameters(self) -> ParameterCounts:
        """``params_total`` and ``params_non_embedding`` of the model."""
        ...


def sample(examples: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """A fixed random sample of at most ``limit`` examples in their order: equal for all models, seeds and recipes."""
    if limit is None or limit >= len(examples):
        return examples
    chosen = np.random.default_rng(0).choice(len(examples), size=limit, replace=False)
    return [examples[index] for index in sorted(chosen)]
