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
    """The largest budget that every encoder has reached.

    Args:
        encoders: the results of each encoder by one recipe: lengths and seeds differ.
        measure: ``tokens``, ``flops``, ``seconds`` of training, or ``processor_s``, its processor time.
    """
    return min(max(record["curve"][-1][measure] for record in records) for records in encoders.values())


def loss_at(records: Sequence[PretrainingRecord], measure: Measure, budget: float) -> AtBudget:
    """The loss of an encoder at a budget, averaged over seeds, straight between results in the logarithm of the budget.

    Args:
        records: the results of one encoder by one recipe: lengths and seeds differ.
        measure: of the budget.
        budget: at most what the longest result has used.
    """
    spent, losses = _finished(records, measure)
    if budget >= spent[0] * (1 - 1e-9):
        return AtBudget(float(np.interp(np.log(budget), np.log(spent), losses)), finished=True)
    longest = max(record["recipe"]["tokens"] for record in records)
    on_curve = [_on_curve(record, measure, budget) for record in records if record["recipe"]["tokens"] == longest]
    return AtBudget(float(np.mean(on_curve)), finished=False)


def _finished(records: Sequence[PretrainingRecord], measure: Measure) -> tuple[list[float], list[float]]:
    """Budget and loss of each length, averaged over seeds, shortest first."""
    by_length: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        by_length[record["recipe"]["tokens"]].append(
            (record["curve"][-1][measure], record["scores"]["heldout"]["loss"])
        )
    means = np.array([np.mean(by_length[length], axis=0) for length in sorted(by_length)])
    return means[:, 0].tolist(), means[:, 1].tolist()


def _on_curve(record: PretrainingRecord, measure: Measure, budget: float) -> float:
    points = record["curve"]
    return float(np.interp(budget, [point[measure] for point in points], [point["loss"] for point in points]))
