"""The answer of one run on the terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def as_text(record: dict[str, Any], folder: Path, repeat: str) -> str:
    """The final table: the metric by its full name, what was run, what it cost, where it is and how to repeat it."""
    model, task, scores = record["model"], record["task"], record["scores"]
    table = Table(
        title=f"{model['name']} {model['size']} ({model['weights']}) on {task['dataset']}", title_justify="left"
    )
    table.add_column("metric")
    table.add_column("dev", justify="right")
    table.add_column("test", justify="right")
    for name, value in scores["test"].items():
        main = name == task["metric"]
        style = "bold" if main else "dim" if "." in name else ""
        table.add_row(name, _score(scores["dev"].get(name)), _score(value), style=style)
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, soft_wrap=True)
    console.print(table)
    seconds = record["seconds"]
    console.print(
        f"parameters  {model['params_total']:,} ({model['params_non_embedding']:,} without embeddings)\n"
        f"examples    {task['n_train']} train, {task['n_dev']} dev, {task['n_test']} test; "
        f"{task['n_windowed']} windowed, {task['n_truncated']} truncated in test\n"
        f"seconds     {sum(seconds.values()):.0f} ({', '.join(f'{name} {value:.0f}' for name, value in seconds.items())})\n"
        f"memory      {record['peak_memory_mib']:.0f} MiB at the peak\n"
        f"data        {task['origin']}, fingerprint {task['fingerprint'][:16]}\n"
        f"record      {folder / 'run.json'}\n"
        f"repeat      {repeat}",
        markup=False,
    )
    return out.getvalue()


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
