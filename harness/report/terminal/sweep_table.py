"""A sweep on the terminal: its cells before it, and after it what was chosen on dev, its test scores, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.comparison.entries import Entry
from harness.store.record import FailureRecord, RunRecord
from harness.terminal import drawn


def cells_as_text(rows: Sequence[tuple[str, ...]]) -> str:
    """The cells of a sweep: status, model, task, learning rate, seed and what it takes."""
    table = Table("status", "model", "task")
    for name in ("lr", "seed", "about"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return drawn(table)


def results_as_text(entries: Sequence[Entry], asked: Mapping[tuple[str, str], int]) -> str:
    """For every model on every task: the learning rate that served dev best, and the test scores at it alone.

    Args:
        entries: see `harness.comparison.entries.entries`.
        asked: how many seeds the sweep has, by model and dataset.
    """
    table = Table("task", "model", "metric")
    for name in ("lr", "dev", "test", "lowest to highest", "seeds"):
        table.add_column(name, justify="right")
    previous = None
    for entry in entries:
        if previous not in (None, entry.dataset):
            table.add_section()
        scores, wanted = entry.scores(), asked.get((entry.model, entry.dataset), len(entry.runs))
        trained = entry.recipe.get("max_steps") or entry.recipe.get("epochs") != 0
        dev = entry.dev_by_learning_rate.get(entry.learning_rate)
        seeds = str(len(scores)) if len(scores) >= wanted else f"{len(scores)} of {wanted}"
        table.add_row(
            entry.dataset if entry.dataset != previous else "",
            entry.model if entry.size == "tiny" else f"{entry.model} {entry.size}",
            entry.metric,
            f"{entry.learning_rate:g}" if trained else "-",
            f"{dev:.4f}" if dev is not None else "",
            Text(f"{median(scores):.4f}", "bold"),
            f"{min(scores):.4f} to {max(scores):.4f}" if len(scores) > 1 else "",
            seeds,
        )
        previous = entry.dataset
    tried = [entry for entry in entries if len(entry.dev_by_learning_rate) > 1]
    lines = [
        f"  {entry.dataset}, {entry.model}: "
        + ", ".join(f"{rate:g} {score:.4f}" for rate, score in entry.dev_by_learning_rate.items())
        for entry in tried
    ]
    chosen = "Median over seeds. The learning rate is the one with the best median on dev; test was read after that."
    return drawn(table, chosen, *(["Dev by learning rate:", *lines] if lines else []))


def failures_as_text(failures: Sequence[tuple[str, FailureRecord]]) -> str:
    """The cells that failed, by name, and why."""
    table = Table("failed cell", "status", "why")
    for name, record in failures:
        table.add_row(name, str(record["status"]), str(record["error"]))
    return drawn(table)


def threads_note(records: Sequence[RunRecord]) -> str | None:
    """A sentence where runs were computed with different numbers of threads, which round differently."""
    threads = sorted({record["environment"].get("threads") or 0 for record in records})
    if len(threads) < 2:
        return None
    counts = ", ".join(map(str, threads))
    return f"the runs had different numbers of threads ({counts}), so they would not repeat each other bit for bit"


def as_json(entries: Sequence[Entry], failures: Sequence[tuple[str, FailureRecord]]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "entries": [
            {
                "model": entry.model,
                "size": entry.size,
                "weights": entry.weights,
                "dataset": entry.dataset,
                "metric": entry.metric,
                "learning_rate": entry.learning_rate,
                "dev_by_learning_rate": {f"{rate:g}": score for rate, score in entry.dev_by_learning_rate.items()},
                "seeds": [run["seed"] for run in entry.runs],
                "test": entry.scores(),
            }
            for entry in entries
        ],
        "failures": [{"cell": name, "status": record["status"], "error": record["error"]} for name, record in failures],
    }
