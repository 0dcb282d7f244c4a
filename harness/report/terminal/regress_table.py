"""The table of ``harness regress``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.gate.baseline import Baseline, name
from harness.gate.judge import FLOOR, LEVEL, LOSS_FLOOR, SLOWER, Verdict
from harness.terminal import drawn

_STYLE = {"ok": "green", "better": "bold green", "drop": "bold red", "slow": "bold red", "failed": "bold red"}


def rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One flat row a cell."""
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


def as_json(verdicts: Sequence[Verdict], gflops: float | None) -> dict[str, Any]:
    """The rows, and whether the gate is passed."""
    passed = all(verdict.passed for verdict in verdicts)
    return {"passed": passed, "matmul_gflops": gflops, "cells": rows(verdicts)}


def as_text(verdicts: Sequence[Verdict], baseline: Baseline, gflops: float | None) -> str:
    """The table, how its tolerances are made, and a sentence."""
    table = Table("cell", "metric", title=f"against {baseline.file}")
    for column in ("baseline", "now", "tolerance", "loss before", "now", "tolerance", "throughput"):
        table.add_column(column, justify="right")
    table.add_column("")
    for verdict in verdicts:
        before = mean(verdict.cell.scores)
        failed = verdict.outcome == "failed"
        table.add_row(
            name(verdict.cell),
            verdict.cell.metric,
            f"{before:.4f}",
            "-" if failed else f"{verdict.score:.4f}",
            f"-{verdict.tolerance:.4f}",
            f"{mean(verdict.cell.losses):.4f}" if verdict.cell.losses else "-",
            "-" if verdict.loss is None else f"{verdict.loss:.4f}",
            f"+{verdict.loss_tolerance:.4f}" if verdict.cell.losses else "-",
            "-" if verdict.speed is None else f"{verdict.speed:.2f}x",
            Text(verdict.outcome, _STYLE[verdict.outcome]),
        )
    seeds = len(baseline.rerun_seeds)
    rate = f" (this machine: {gflops:.0f}, the baseline's: {told:.0f})" if gflops and (told := baseline.gflops) else ""
    lines = [
        f"now: mean of {seeds} seed{'s' * (seeds != 1)}. tolerance: one-sided {LEVEL:.0%} prediction interval of that mean, "
        f"t(n-1) s sqrt(1/n + 1/m) over the baseline's n seeds, at least {FLOOR:g}, or {LOSS_FLOOR:.0%} of the loss. "
        "loss: of training, mean over its steps. throughput: examples/s over the "
        f"machine's own GFLOP/s in matrix products{rate}, best seed, as a share of the baseline's; it may fall to 1/{SLOWER:g}.",
        *(f"{name(verdict.cell)} failed: {verdict.reason}" for verdict in verdicts if verdict.reason),
    ]
    bad = [verdict for verdict in verdicts if not verdict.passed]
    better = [name(verdict.cell) for verdict in verdicts if verdict.outcome == "better"]
    if better:
        lines.append(f"better than the baseline: {', '.join(better)}; --update --why TEXT keeps that")
    lines.append(f"{len(bad)} of {len(verdicts)} cells failed" if bad else f"all {len(verdicts)} cells passed")
    return drawn(table, *lines)
