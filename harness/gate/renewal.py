"""A new baseline from new runs: what ``regress --update`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from harness.errors import InputError
from harness.gate.baseline import Baseline, GatedCell, name
from harness.gate.gated_run import examples_per_s, gated_recipe, mean_loss, score_of
from harness.store import RunRecord


def renewed(baseline: Baseline, runs: Sequence[Sequence[RunRecord | str]], gflops: float | None, why: str) -> Baseline:
    """The baseline with new runs in place of the old ones; nothing is written.

    Args:
        baseline: the old one, with the cells and seeds of the runs.
        runs: of each cell, one per seed.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out of the baseline.
        why: the reason, kept in the file.

    Raises:
        InputError: a run failed.
    """
    cells = []
    environment: Mapping[str, object] = {}
    for cell, each in zip(baseline.cells, runs, strict=True):
        records = [run for run in each if not isinstance(run, str)]
        if len(records) < len(each):
            failed = next(run for run in each if isinstance(run, str))
            raise InputError(f"no new baseline: {name(cell)} failed: {failed}")
        cells.append(_of_runs(cell, records, gflops))
        environment = records[0]["environment"]
    about = {
        "why": why,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "git_revision": environment["git_revision"],
        "environment": environment,
        "matmul_gflops": gflops,
    }
    return replace(baseline, cells=tuple(cells), about=about)


def _of_runs(cell: GatedCell, records: Sequence[RunRecord], gflops: float | None) -> GatedCell:
    task = records[0]["task"]
    return replace(
        cell,
        fingerprint=task["fingerprint"],
        recipe=gated_recipe(records[0]),
        metric=task["metric"],
        scores=tuple(score_of(record) for record in records),
        constant_guess=task["constant_guess"],
        losses=tuple(loss for record in records if (loss := mean_loss(record)) is not None),
        examples_per_gflop=tuple(examples_per_s(record) / gflops for record in records) if gflops else (),
    )
