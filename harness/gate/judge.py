"""The gate: cells are run again and held against a committed baseline, score and training loss by its spread over seeds.

The loss, averaged over the steps, sees what a score misses: a pooling that counts padding, say, which training makes up for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from harness.cells.request import Request
from harness.comparison.pairing import differences
from harness.errors import InputError
from harness.gate.baseline import Baseline, GatedCell, examples_per_s, gated_recipe, mean_loss, name, score_of
from harness.scheduling.executor import Executor
from harness.store import RECORD, RunRecord, read_record
from harness.store.record import is_finished_run

LEVEL = 0.99
"""One cell in a hundred that did not change falls below its tolerance by the luck of its seeds. With the baseline's own seeds
on the baseline's own machine there is no luck: a run repeats bit for bit, so what is left is the rounding of other processors."""
FLOOR = 0.02
"""The least tolerance, as a fraction: a cell that scores the same from every seed may still lose two answers in a hundred."""
LOSS_FLOOR = 0.05
"""The least tolerance of the training loss, as a share of the baseline's."""
SLOWER = 2.5
"""The most that throughput may fall. Encoders as small as the gate's are bound by overhead as much as by products, so the
ratio to the rate of products moves by up to 2 between processors, and the rest is for busy machines."""


@dataclass(frozen=True)
class Verdict:
    """What became of one cell.

    Attributes:
        cell: of the baseline.
        outcome: ``drop``, ``slow`` and ``failed`` fail the gate, ``better`` and ``ok`` do not.
        score: mean over the seeds that were run again; nan where one failed.
        tolerance: how far below the baseline's mean it may be, see `tolerance`.
        loss: mean training loss over the seeds that were run again; ``None`` where the baseline has none.
        loss_tolerance: how far above the baseline's mean it may be.
        speed: throughput as a share of the baseline's, both over their machine's rate, best seeds; ``None`` if not measured.
        reason: why it failed.
    """

    cell: GatedCell
    outcome: Literal["ok", "better", "drop", "slow", "failed"]
    score: float
    tolerance: float
    loss: float | None = None
    loss_tolerance: float = 0.0
    speed: float | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the gate lets it through."""
        return self.outcome in ("ok", "better")


def run_again(
    baseline: Baseline,
    executor: Executor,
    plugins: Sequence[str] = (),
    all_seeds: bool = False,
    on_done: Callable[[int, int, str], None] = lambda done, total, cell: None,
) -> list[list[RunRecord | str]]:
    """Run the cells of a baseline.

    Args:
        baseline: names them.
        executor: of a fresh store, so that nothing is taken for run that was not.
        plugins: files that register models or tasks, besides those of the baseline.
        all_seeds: of the baseline, as a new one needs; else those that the gate runs.
        on_done: called with the number of runs done, of all runs, and the cell's name.

    Returns:
        For each cell the record of each seed, in the order of the seeds, or one sentence where the run failed.
    """
    asked = [cell.requests(cell.seeds if all_seeds else baseline.rerun_seeds, plugins) for cell in baseline.cells]
    done: list[list[RunRecord | str]] = [[""] * len(requests) for requests in asked]
    place = {id(request): (row, column) for row, each in enumerate(asked) for column, request in enumerate(each)}
    everything = [request for requests in asked for request in requests]
    for count, finished in enumerate(executor.run(everything), 1):
        row, column = place.get(id(finished.request)) or _place(asked, finished.request)
        found = read_record(finished.folder / RECORD) if finished.folder else None
        record = found if is_finished_run(found) else None
        done[row][column] = record or finished.error or "it left no record"
        on_done(count, len(everything), name(baseline.cells[row]))
        if record and not all_seeds:
            refuse_other(baseline.cells[row], record)
            refuse_blind(baseline.cells[row], len(baseline.rerun_seeds), record["task"]["constant_guess"])
    return done


def _place(asked: Sequence[Sequence[Request]], request: Request) -> tuple[int, int]:
    """Where an equal request stands: an executor on another machine gives back a copy."""
    return next((row, each.index(request)) for row, each in enumerate(asked) if request in each)


def refuse_other(cell: GatedCell, record: RunRecord) -> None:
    """Make sure that a run is of the baseline's examples and recipe.

    Raises:
        InputError: it is not, or the baseline has no scores yet.
    """
    again = "write a new baseline with --update --why TEXT if that is meant"
    if not cell.scores or cell.recipe is None:
        raise InputError(f"the baseline has no scores of {name(cell)}; write them with --update --why TEXT")
    if (found := record["task"]["fingerprint"]) != cell.fingerprint:
        raise InputError(
            f"{name(cell)}: the examples are others than the baseline's (fingerprints {found[:12]} and "
            f"{cell.fingerprint[:12]}); {again}"
        )
    if (recipe := gated_recipe(record)) != cell.recipe:
        raise InputError(
            f"{name(cell)}: the recipe is not the baseline's ({differences(recipe, cell.recipe)} there); {again}"
        )
    if record["task"]["metric"] != cell.metric:
        raise InputError(f"{name(cell)}: scored by {record['task']['metric']}, the baseline by {cell.metric}; {again}")


def refuse_blind(cell: GatedCell, runs: int, guess: float) -> None:
    """Make sure that the gate can fail: that its tolerance does not reach down to what a broken model scores.

    Args:
        cell: of the baseline, with scores.
        runs: seeds that the gate runs.
        guess: the score of one constant answer, see `tasks.task.constant_guess`.

    Raises:
        InputError: a model that gives every example the same answer would pass.
    """
    allowed, before = score_tolerance(cell, runs), mean(cell.scores)
    if not before - allowed > guess:  # nan is refused too
        raise InputError(
            f"{name(cell)}: this gate cannot fail: from {cell.metric} {before:.4f} the tolerance of {allowed:.4f} reaches down "
            f"to {before - allowed:.4f}, and giving every example the same answer scores {guess:.4f}; "
            "use more seeds, longer training or more test examples, and write the baseline with --update --why TEXT"
        )


def judge(cell: GatedCell, runs: Sequence[RunRecord | str], gflops: float | None) -> Verdict:
    """Hold the runs of a cell against the baseline.

    Args:
        cell: of the baseline, with scores.
        runs: one a seed, or a sentence where one failed.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out.

    Raises:
        InputError: the runs are of other examples, or by another recipe.
    """
    allowed = score_tolerance(cell, len(runs))
    records = [run for run in runs if not isinstance(run, str)]
    for record in records:
        refuse_other(cell, record)
    if len(records) < len(runs):
        reason = next(run for run in runs if isinstance(run, str))
        return Verdict(cell, "failed", math.nan, allowed, reason=reason)
    score, loss, loss_allowed, speed = mean(score_of(record) for record in records), None, 0.0, None
    if cell.losses:
        losses = [mean_loss(record) for record in records]
        loss = math.nan if None in losses else mean(each for each in losses if each is not None)
        loss_allowed = max(tolerance(cell.losses, len(runs)), LOSS_FLOOR * mean(cell.losses))
    if gflops and cell.examples_per_gflop:
        speed = max(examples_per_s(record) for record in records) / gflops / max(cell.examples_per_gflop)
    outcome: Literal["ok", "better", "drop", "slow"] = "ok"
    # Written so that nan is a drop.
    if not score >= mean(cell.scores) - allowed or (loss is not None and not loss <= mean(cell.losses) + loss_allowed):
        outcome = "drop"
    elif speed is not None and speed < 1 / SLOWER:
        outcome = "slow"
    elif score > mean(cell.scores) + allowed:
        outcome = "better"
    return Verdict(cell, outcome, score, allowed, loss, loss_allowed, speed)


def score_tolerance(cell: GatedCell, runs: int) -> float:
    """How far the mean score of so many new runs may be below the baseline's, as a fraction."""
    return max(tolerance(cell.scores, runs), FLOOR)


def tolerance(values: Sequence[float], runs: int) -> float:
    """How far the mean of new runs may be from the mean of these on the bad side: a one-sided prediction interval.

    t(0.99, n - 1) * s * sqrt(1 / n + 1 / m) for n values of standard deviation s and m new runs.
    """
    from scipy.stats import t

    n = len(values)
    return float(t.ppf(LEVEL, n - 1) * stdev(values) * math.sqrt(1 / n + 1 / runs))
