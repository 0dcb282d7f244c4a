"""Held-out losses at equal tokens, equal floating-point operations and equal training time: three questions, three answers.

Losses are compared at the end of a schedule, since the loss falls steeply while the learning rate does (Wen et al. 2025, arXiv
2509.02046). An encoder's finished results of several lengths (branches of one trunk) give its loss at any budget between
them. Below the shortest of them there is only the curve of a longer run; its loss is marked, because it is too high.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.store.record import PretrainingRecord

Measure = Literal["tokens", "flops", "seconds", "processor_s"]


@dataclass(frozen=True)
class AtBudget:
    """The loss of one encoder at a budget.

    Attributes:
        loss: nats a token.
        finished: whether it is that of finished schedules; otherwise it was read off the curve of a longer one.
    """

    loss: float
    finished: bool


def measure_of_time(records: Iterable[PretrainingRecord]) -> Measure:
    """The measure of time that is fair to all records: processor time on CPUs, which other work on the machine does not change.

    It is the time on the clock if a record is of a GPU, or older than the measurement of processor time.
    """
    fair = all("processor_s" in record["curve"][-1] and record["environment"].get("gpu") is None for record in records)
    return "processor_s" if fair else "seconds"


def common_budget(encoders: Mapping[str, Sequence[PretrainingRecord]], measure: Measure) -> float:
    """The largest budget that every encoder has reached from each of its seeds.

    Args:
        encoders: the results of each encoder by one recipe: lengths and seeds differ.
        measure: ``tokens``, ``flops``, ``seconds`` of training, or ``processor_s``, its processor time.
    """
    return min(
        max(_spent(record, measure) for record in of_seed)
        for records in encoders.values()
        for of_seed in _by_seed(records)
    )


def loss_at(records: Sequence[PretrainingRecord], measure: Measure, budget: float) -> AtBudget:
    """The loss of an encoder at a budget: that of each seed, averaged.

    Seeds are not averaged before: a busy machine can make the same length take twice the time.

    Args:
        records: the results of one encoder by one recipe: lengths and seeds differ.
        measure: of the budget.
        budget: at most what the longest result of each seed has used.
    """
    found = [_loss_of_seed(of_seed, measure, budget) for of_seed in _by_seed(records)]
    return AtBudget(float(np.mean([one.loss for one in found])), all(one.finished for one in found))


def _by_seed(records: Sequence[PretrainingRecord]) -> list[list[PretrainingRecord]]:
    """The results of each seed, shortest first."""
    by_seed: dict[int, list[PretrainingRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda one: one["recipe"]["tokens"]):
        by_seed[record["seed"]].append(record)
    return list(by_seed.values())


def _loss_of_seed(results: Sequence[PretrainingRecord], measure: Measure, budget: float) -> AtBudget:
    """Straight between the results in the logarithm of the budget; below the shortest, off the curve of the longest."""
    spent = [_spent(record, measure) for record in results]
    if budget >= spent[0] * (1 - 1e-9):
        losses = [record["scores"]["heldout"]["loss"] for record in results]
        return AtBudget(float(np.interp(np.log(budget), np.log(spent), losses)), finished=True)
    points = results[-1]["curve"]
    on_curve = np.interp(budget, [point[measure] for point in points], [point["loss"] for point in points])
    return AtBudget(float(on_curve), finished=False)


def _spent(record: PretrainingRecord, measure: Measure) -> float:
    return record["curve"][-1][measure]
