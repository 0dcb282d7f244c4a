"""The table of ``harness regress``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from harness.gate.baseline import Baseline, name
from harness.gate.judge import FLOOR, LEVEL, LOSS_FLOOR, SLOWER, Verdict
from harness.progress import counted
from harness.report.table import Column, Look, Table, as_rich, frame_of
from harness.terminal import drawn

_LOOKS: dict[str, Look] = {"ok": "good", "better": "better", "drop": "bad", "slow": "bad", "failed": "bad"}
_COLUMNS = (
    Column("cell"),
    Column("metric"),
    Column("baseline", "{:.4f}", number=True),
    Column("score", "{:.4f}", number=True, head="now", missing="-"),
    Column("tolerance", "-{:.4f}", number=True),
    Column("loss before", "{:.4f}", number=True, missing="-"),
    Column("loss", "{:.4f}", number=True, head="now", missing="-"),
    Column("loss tolerance", "+{:.4f}", number=True, head="tolerance", missing="-"),
    Column("throughput", "{:.2f}x", number=True, missing="-"),
    Column("outcome", head=""),
)


def rows(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """One flat row for each cell."""
    return [
        {
            "model": verdict.cell.request.model,
            "task": verdict.cell.request.task,
            "metric": verdict.cell.metric,
            "outcome": verdict.outcome,
            "score": None if verdict.outcome == "failed" else verdict.score,
            "baseline": mean(verdict.cell.scores),
            "baseline_scores": list(verdict.cell.scores),
            "tolerance": verdict.tolerance,
            "constant_guess": verdict.cell.constant_guess,
            "loss": verdict.loss,
            "baseline_losses": list(verdict.cell.losses),
            "loss_tolerance": verdict.loss_tolerance,
            "throughput_ratio": verdict.speed,
            "reason": verdict.reason or None,
        }
        for verdict in verdicts
    ]


def as_json(verdicts: Sequence[Verdict], gflops: float | None) -> dict[str, object]:
    """The rows, and whether the gate is passed."""
    passed = all(verdict.passed for verdict in verdicts)
    return {"passed": passed, "matmul_gflops": gflops, "cells": rows(verdicts)}


def as_text(verdicts: Sequence[Verdict], baseline: Baseline, gflops: float | None) -> str:
    """The table, how its tolerances are made, and a sentence."""
    looks: dict[tuple[int, str], Look] = {
        (number, "outcome"): _LOOKS[verdict.outcome] for number, verdict in enumerate(verdicts)
    }
    title = f"against {baseline.file}"
    table = Table(frame_of(map(_shown, verdicts)), _COLUMNS, title=title, looks=looks)
    bad = [verdict for verdict in verdicts if not verdict.passed]
    better = [name(verdict.cell) for verdict in verdicts if verdict.outcome == "better"]
    lines = [
        _meaning(baseline, gflops),
        *(f"{name(verdict.cell)} failed: {verdict.reason}" for verdict in verdicts if verdict.reason),
        *([f"better than the baseline: {', '.join(better)}; --update --why TEXT keeps that"] if better else []),
        f"{len(bad)} of {len(verdicts)} cells failed" if bad else f"all {len(verdicts)} cells passed",
    ]
    return drawn(as_rich(table), *lines)


def _shown(verdict: Verdict) -> dict[str, object]:
    failed, losses = verdict.outcome == "failed", verdict.cell.losses
    return {
        "cell": name(verdict.cell),
        "metric": verdict.cell.metric,
        "baseline": mean(verdict.cell.scores),
        "score": None if failed else verdict.score,
        "tolerance": verdict.tolerance,
        "loss before": mean(losses) if losses else None,
        "loss": verdict.loss,
        "loss tolerance": verdict.loss_tolerance if losses else None,
        "throughput": verdict.speed,
        "outcome": verdict.outcome,
    }


def _meaning(baseline: Baseline, gflops: float | None) -> str:
    seeds = len(baseline.rerun_seeds)
    rate = f" (this machine: {gflops:.0f}, the baseline's: {told:.0f})" if gflops and (told := baseline.gflops) else ""
    return (
        f"now: mean of {counted(seeds, 'seed')}. tolerance: one-sided {LEVEL:.0%} prediction interval of that mean, "
        f"t(n-1) s sqrt(1/n + 1/m) over the baseline's n seeds, at least {FLOOR:g}, or {LOSS_FLOOR:.0%} of the loss. "
        "loss: of training, mean over its steps. throughput: examples/s over the "
        f"machine's own GFLOP/s in matrix products{rate}, best seed, as a share of the baseline's; it may fall to 1/{SLOWER:g}."
    )
