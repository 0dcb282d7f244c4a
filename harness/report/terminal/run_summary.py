"""The answer of one run on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from harness.store import RunRecord
from harness.terminal import drawn

SHOWN_OVERLAP = 0.01
"""Share of examples that are in train as well, above which the table says so."""


def as_text(record: RunRecord, folder: Path) -> str:
    """The final table: the metric by its full name, what was run, what it cost, where it is and how to repeat it."""
    model, task, scores = record["model"], record["task"], record["scores"]
    table = Table(title=f"{model['name']} {model['size']} ({model['weights']}) on {task['dataset']}")
    table.add_column("metric")
    table.add_column("dev", justify="right")
    table.add_column("test", justify="right")
    for name, value in scores["test"].items():
        main = name == task["metric"]
        style = "bold" if main else "dim" if "." in name else ""
        table.add_row(name, _score(scores["dev"].get(name)), _score(value), style=style)
    skipped = f", {task['n_skipped']} malformed left out" if task["n_skipped"] else ""
    tuned = ", ".join(f"{name} {value:.3f}" for name, value in record["tuned"].items())
    seconds = record["seconds"]
    seen = {split: share for split, share in task.get("overlap", {}).items() if share > SHOWN_OVERLAP}
    lines: dict[str, object] = {
        "parameters": f"{model['params_total']:,} ({model['params_non_embedding']:,} without embeddings)",
        "examples": f"{task['n_train']} train, {task['n_dev']} dev, {task['n_test']} test; "
        f"{task['n_windowed']} windowed, {task['n_truncated']} truncated in test{skipped}",
        "overlap": ", ".join(f"{share:.1%} of {split}" for split, share in seen.items()) + " is in train"
        if seen
        else None,
        "tuned": f"on dev: {tuned}" if tuned else None,
        "seconds": f"{sum(seconds.values()):.0f} ({', '.join(f'{name} {value:.0f}' for name, value in seconds.items())})",
        "memory": f"{record['peak_memory_mib']:.0f} MiB at the peak",
        "data": f"{task['origin']}, fingerprint {task['fingerprint'][:16]}",
        "record": folder / "run.json",
        "repeat": record["command"],
    }
    return drawn(table, *(f"{name:<11} {line}" for name, line in lines.items() if line is not None))


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
