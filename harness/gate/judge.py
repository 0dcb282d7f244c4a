"""The gate: run cells again and compare score and training loss with a committed baseline and its spread over seeds.

The loss, averaged over the steps, shows faults that a score does not, such as a pooling that counts padding: training makes up
for them in the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Literal

from harness.comparison.pairing import differences
from harness.errors import InputError
from harness.gate.baseline import Baseline, GatedCell, name
from harness.gate.gated_run import examples_per_s, gated_recipe, mean_loss, score_of
from harness.scheduling.executor import Executor, Failure, Finished, Job
from harness.store import RunRecord
from harness.store.record import by_test_set

LEVEL = 0.99
"""Of unchanged cells, one in a hundred falls below its tolerance by chance, with other seeds. With the baseline's own seeds
chance plays no part: on its machine a run repeats bit for bit, and elsewhere only rounding differs."""
FLOOR = 0.02
"""The least tolerance of a score, as a fraction: even a cell with equal scores from all seeds may lose two answers in a hundred."""
LOSS_FLOOR = 0.05
"""The least tolerance of the training loss, as a share of the baseline's."""
SLOWER = 2.5
"""The largest allowed slowdown. Encoders as small as the gate's spend as much time on overhead as on products, so the ratio
to the rate of products differs by up to 2 between processors; the rest is for busy machines."""

Outcome = Literal["ok", "better", "drop", "slow", "failed"]
Runs = Sequence[RunRecord | str]
"""The runs of a cell, one per seed: a record, or one sentence why the run failed."""


@dataclass(frozen=True)
class Verdict:
    """The comparison of one cell with the baseline.

    Attributes:
        cell: of the baseline.
        outcome: ``drop``, ``slow`` and ``failed`` fail the gate, ``better`` and ``ok`` do not.
        score: mean over the seeds that were run again; nan if one failed.
        tolerance: how far below the baseline's mean it may be, see `tolerance`.
        loss: mean training loss over the seeds that were run again; ``None`` if the baseline has none.
        loss_tolerance: how far above the baseline's mean it may be.
        speed: throughput as a share of the baseline's, both over their machine's rate, best seeds; ``None`` if not measured.
        reason: why it failed.
    """

    cell: GatedCell
    outcome: Outcome
    score: float
    tolerance: float
    loss: float | None = None
    loss_tolerance: float = 0.0
    speed: float | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the cell passes the gate."""
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
        executor: of a new store, so that every cell is really run.
        plugins: files that register models or tasks, besides those of the baseline.
        all_seeds: run all seeds of the baseline, for a new one; otherwise only those of the gate.
        on_done: called with the number of runs done, of all runs, and the cell's name.

    Returns:
        For each cell the record of each seed, in the order of the seeds, or one sentence why the run failed.

    Raises:
        InputError: a run has other examples or another recipe than the baseline, or the gate cannot fail.
    """
    cells: list[GatedCell] = []
    jobs: list[Job] = []
    for cell in baseline.cells:
        for request in cell.requests(cell.seeds if all_seeds else _seeds_again(cell, baseline), plugins):
            cells.append(cell)
            jobs.append(Job(str(len(jobs)), request))
    runs: dict[str, RunRecord | str] = {}
    with closing(executor.run(jobs)) as ends:
        for finished in ends:
            cell = cells[int(finished.key)]
            run = _run_of(finished, cell.test)
            runs[finished.key] = run
            on_done(len(runs), len(jobs), name(cell))
            if not all_seeds and not isinstance(run, str):
                refuse_other(cell, run)
                refuse_blind(cell, len(baseline.rerun_seeds), run["task"]["constant_guess"])
    return [[runs[job.key] for job in jobs if cells[int(job.key)] is cell] for cell in baseline.cells]


def _seeds_again(cell: GatedCell, baseline: Baseline) -> tuple[int, ...]:
    """The seeds that the gate runs: one where nothing is trained, since every seed then computes the same."""
    same_from_any_seed = not cell.losses and len(set(cell.scores)) == 1
    return baseline.rerun_seeds[:1] if same_from_any_seed else baseline.rerun_seeds


def _run_of(finished: Finished, test: str) -> RunRecord | str:
    """The record of a run, or of its test set if one is gated; or one sentence why it failed."""
    outcome = finished.outcome
    if isinstance(outcome, Failure):
        return outcome.error
    if outcome["status"] != "ok":
        return outcome["error"]
    here, *elsewhere = by_test_set(outcome)
    return next((one for one in elsewhere if one["task"]["dataset"] == test), here)


def refuse_other(cell: GatedCell, record: RunRecord) -> None:
    """Make sure that a run has the baseline's examples and recipe.

    Raises:
        InputError: it is not, or the baseline has no scores or losses of it.
    """
    again = "write a new baseline with --update --why TEXT if that is meant"
    if not cell.scores or cell.recipe is None:
        raise InputError(f"the baseline has no scores of {name(cell)}; write them with --update --why TEXT")
    if (found := record["task"]["fingerprint"]) != cell.fingerprint:
        raise InputError(
            f"{name(cell)}: the examples differ from the baseline's (fingerprints {found[:12]} and "
            f"{cell.fingerprint[:12]}); {again}"
        )
    if (recipe := gated_recipe(record)) != cell.recipe:
        raise InputError(
            f"{name(cell)}: the recipe is not the baseline's ({differences(recipe, cell.recipe)} there); {again}"
        )
    if mean_loss(record) is not None and not cell.losses:
        raise InputError(f"{name(cell)}: the baseline has no training losses to hold these against; {again}")
    if record["task"]["metric"] != cell.metric:
        raise InputError(f"{name(cell)}: scored by {record['task']['metric']}, the baseline by {cell.metric}; {again}")


def refuse_blind(cell: GatedCell, runs: int, guess: float) -> None:
    """Make sure that the gate can fail: the lowest score that passes must be above that of a model with one constant answer.

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


def judge(cell: GatedCell, runs: Runs, gflops: float | None) -> Verdict:
    """Compare the runs of a cell with the baseline.

    Args:
        cell: of the baseline, with scores.
        runs: of that cell.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out.

    Raises:
        InputError: the runs have other examples or another recipe.
    """
    allowed = score_tolerance(cell, len(runs))
    records = [run for run in runs if not isinstance(run, str)]
    for record in records:
        refuse_other(cell, record)
    if len(records) < len(runs):
        reason = next(run for run in runs if isinstance(run, str))
        return Verdict(cell, "failed", math.nan, allowed, reason=reason)
    verdict = Verdict(cell, "ok", mean(score_of(record) for record in records), allowed)
    if cell.losses:
        losses = [mean_loss(record) for record in records]
        verdict = replace(
            verdict,
            loss=math.nan if None in losses else mean(each for each in losses if each is not None),
            loss_tolerance=max(tolerance(cell.losses, len(runs)), LOSS_FLOOR * mean(cell.losses)),
        )
    if gflops and cell.examples_per_gflop:
        best = max(examples_per_s(record) for record in records)
        verdict = replace(verdict, speed=best / gflops / max(cell.examples_per_gflop))
    return replace(verdict, outcome=_outcome(verdict))


def _outcome(measured: Verdict) -> Outcome:
    """The outcome of a cell of which all runs finished."""
    cell, before = measured.cell, mean(measured.cell.scores)
    # Comparisons with nan are false; they are written so that nan is a drop.
    if not measured.score >= before - measured.tolerance:
        return "drop"
    if measured.loss is not None and not measured.loss <= mean(cell.losses) + measured.loss_tolerance:
        return "drop"
    if measured.speed is not None and measured.speed < 1 / SLOWER:
        return "slow"
    return "better" if measured.score > before + measured.tolerance else "ok"


def score_tolerance(cell: GatedCell, runs: int) -> float:
    """The allowed drop of the mean score of this number of new runs below the baseline's, as a fraction."""
    return max(tolerance(cell.scores, runs), FLOOR)


def tolerance(values: Sequence[float], runs: int) -> float:
    """The allowed distance between the mean of new runs and the mean of these: a one-sided prediction interval.

    t(0.99, n - 1) * s * sqrt(1 / n + 1 / m) for n values of standard deviation s and m new runs.
    """
    from scipy.stats import t

    n = len(values)
    return float(t.ppf(LEVEL, n - 1) * stdev(values) * math.sqrt(1 / n + 1 / runs))
