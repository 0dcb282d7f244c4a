"""From runs to what is compared: the learning rate that served dev best, and the runs of all seeds at it.

The choice reads dev scores only. Test scores are those of the chosen runs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.store import RunRecord

_NOT_RECIPE = ("learning_rate", "steps", "resumed_from_step")


@dataclass(frozen=True)
class Entry:
    """One encoder on one dataset, by one recipe: a row of a table.

    Attributes:
        model, size, weights: the encoder and what it started from. Runs from pretrainings that differ in their seed alone are
            one entry, ``pretrained-10M`` after the tokens read if their folders have several names.
        dataset: ``family/dataset``.
        fingerprint: of the examples; entries are comparable only where it is equal.
        metric: full name of the main metric.
        recipe: every value but the learning rate, and the protocol of the pipeline (`harness.cells.cell.PROTOCOL`).
        learning_rate: the chosen one.
        dev_by_learning_rate: median dev score of each learning rate that was tried; empty where there is no dev split.
        runs: the records at the chosen learning rate, one for each pair of pretraining seed and seed, in this order.
    """

    model: str
    size: str
    weights: str
    dataset: str
    fingerprint: str
    metric: str
    recipe: Mapping[str, Any]
    learning_rate: float
    dev_by_learning_rate: Mapping[float, float]
    runs: tuple[RunRecord, ...]

    @property
    def is_ranker(self) -> bool:
        """Whether it finds documents without an encoder, so that no recipe and no size is its own."""
        return self.runs[0]["model"]["params_total"] == 0

    @property
    def pretrainings(self) -> list[int] | None:
        """The pretraining seed of each run's weights, or ``None`` if a run's weights are not from ``pretrain``."""
        seeds = [run["model"]["pretraining"]["seed"] for run in self.runs if "pretraining" in run["model"]]
        return seeds if len(seeds) == len(self.runs) else None

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """What was typed as ``--weights``, sorted."""
        return tuple(sorted({run["model"]["weights"] for run in self.runs}))

    def scores(self, metric: str | None = None, split: str = "test") -> list[float]:
        """The score of each seed."""
        return [run["scores"][split][metric or self.metric] for run in self.runs]


def entries(records: Iterable[RunRecord]) -> list[Entry]:
    """Finished runs grouped by everything but learning rate and seed, each at its best learning rate.

    The best is the one with the highest median over seeds of the main metric on dev; of equal ones the lowest.
    Entries come by dataset, then model, size and weights.
    """
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        if record["status"] == "ok":
            groups[_identity(record)].append(record)
    return sorted(
        (entry_of(group) for group in groups.values()),
        key=lambda entry: (entry.dataset, entry.fingerprint, entry.model, entry.size, entry.weights),
    )


def entry_of(group: Sequence[RunRecord]) -> Entry:
    """The entry of finished runs that share everything but learning rate and seed, at its best learning rate.

    Args:
        group: one run or more. Runs of several checkpoints may be among them, where they are to have one learning rate.
    """
    metric = group[0]["task"]["metric"]
    by_rate: dict[float, list[RunRecord]] = defaultdict(list)
    for record in group:
        by_rate[record["recipe"]["learning_rate"]].append(record)
    # Where nothing was trained there may be no dev split; then there is one learning rate, which nothing depends on.
    dev = {
        rate: median(run["scores"]["dev"][metric] for run in by_rate[rate])
        for rate in sorted(by_rate)
        if all(metric in run["scores"]["dev"] for run in by_rate[rate])
    }
    chosen = max(dev or by_rate, key=lambda rate: dev.get(rate, 0.0))
    runs = tuple(sorted(by_rate[chosen], key=_seeds))
    model, task = group[0]["model"], group[0]["task"]
    return Entry(
        model["name"],
        model["size"],
        _weights(group),
        task["dataset"],
        task["fingerprint"],
        metric,
        _recipe(group[0]),
        chosen,
        dev,
        runs,
    )


def _seeds(record: RunRecord) -> tuple[int, int]:
    """Pretraining seed and seed."""
    origin = record["model"].get("pretraining")
    return origin["seed"] if origin else -1, record["seed"]


def _weights(group: Sequence[RunRecord]) -> str:
    """A name for the weights of all runs: the typed one if it is the same, otherwise one after the tokens they have read."""
    model = group[0]["model"]
    same = len({run["model"]["weights"] for run in group}) == 1
    return model["weights"] if same or "pretraining" not in model else pretrained_name(model["pretraining"]["tokens"])


def pretrained_name(tokens: int) -> str:
    """``pretrained-10M`` for ten million tokens."""
    return f"pretrained-{tokens / 1e6:.3g}M"


def _identity(record: RunRecord) -> str:
    """What all runs of an entry share, as text."""
    model, task = record["model"], record["task"]
    weights = model["pretraining"]["group"] if "pretraining" in model else model["identity"]
    shared = [model["name"], model["size"], weights, task["dataset"], task["fingerprint"], task["options"]]
    return json.dumps([*shared, _recipe(record)], sort_keys=True)


def _recipe(record: RunRecord) -> dict[str, Any]:
    recipe = {"protocol": 1} | record["recipe"]  # runs by the first protocol do not say so
    return {name: value for name, value in recipe.items() if name not in _NOT_RECIPE}
