"""What the gate holds against the baseline of one run: its score, training loss, speed and recipe."""

from __future__ import annotations

from statistics import mean

from harness.store import RunRecord

_UNGATED = ("steps", "resumed_from_step")
"""Keys of a record's recipe that say what happened, not what was asked for."""


def score_of(record: RunRecord) -> float:
    """Test score by the main metric."""
    return float(record["scores"]["test"][record["task"]["metric"]])


def mean_loss(record: RunRecord) -> float | None:
    """The training loss, averaged over its entries; ``None`` if nothing was trained."""
    return mean(loss for _, loss in record["losses"]) if record["losses"] else None


def examples_per_s(record: RunRecord) -> float:
    """Examples trained on and predicted, over the seconds of both."""
    recipe, task, seconds = record["recipe"], record["task"], record["seconds"]
    examples = recipe["steps"] * recipe["effective_batch_size"] + task["n_dev"] + task["n_test"]
    return float(examples / (seconds["fit"] + seconds["predict"]))


def gated_recipe(record: RunRecord) -> dict[str, object]:
    """The recipe of a run as it was asked for."""
    return {key: value for key, value in record["recipe"].items() if key not in _UNGATED}
