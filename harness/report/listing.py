"""``harness list``: the models and tasks there are, without importing torch."""

from __future__ import annotations

import io
import json
import shutil
from typing import Any

from rich.console import Console
from rich.table import Table

from models import MODELS
from tasks import TASKS


def models() -> list[dict[str, Any]]:
    """One row for each size of each model."""
    return [
        {
            "model": name,
            "size": size_name,
            "parameters": size.parameters,
            "parameters_non_embedding": size.parameters_non_embedding,
            "max_length": size.max_length,
            "licence": encoder.licence,
            "hub_id": size.hub_id,
            "revision": size.revision,
            "description": encoder.description,
            "paper": encoder.paper,
        }
        for name, encoder in ((name, MODELS[name]) for name in MODELS)
        for size_name, size in encoder.sizes.items()
    ]


def tasks() -> list[dict[str, Any]]:
    """One row for each declared dataset of each task."""
    return [
        {
            "task": f"{name}/{info.name}",
            "default": info.name == task.default_dataset,
            "metric": task.metric,
            "source": info.source,
            "licence": info.licence,
            "hub_id": info.hub_id,
            "revision": info.revision,
            "description": info.description,
        }
        for name, task in ((name, TASKS[name]) for name in TASKS)
        for info in task.datasets.values()
    ]


def as_json(what: str | None) -> str:
    """Both lists, or one, as JSON."""
    lists = {"models": models, "tasks": tasks}
    return json.dumps({name: rows() for name, rows in lists.items() if what in (None, name)}, indent=1) + "\n"


def as_text(what: str | None) -> str:
    """Both lists, or one, as tables."""
    out = io.StringIO()
    console = Console(file=out, width=max(shutil.get_terminal_size((120, 24)).columns, 100), highlight=False)
    if what in (None, "models"):
        table = Table("model", "size", title="models", title_justify="left")
        for name in ("parameters", "non-embedding", "max length"):
            table.add_column(name, justify="right")
        table.add_column("licence")
        table.add_column("hub id", overflow="fold")
        previous = None
        for row in models():
            if previous not in (None, row["model"]):
                table.add_section()
            table.add_row(
                row["model"] if row["model"] != previous else "", row["size"], _millions(row["parameters"]),
                _millions(row["parameters_non_embedding"]), _tokens(row["max_length"]), row["licence"], row["hub_id"] or "-",
            )  # fmt: skip
            previous = row["model"]
        console.print(table)
    if what in (None, "tasks"):
        table = Table("task", "metric", "source", "what it is", title="tasks", title_justify="left")
        for row in tasks():
            source = row["source"] if row["hub_id"] is None else f"{row['source']}: {row['hub_id']}"
            table.add_row(
                row["task"] + (" (default)" if row["default"] else ""), row["metric"], source, row["description"]
            )
        console.print(table)
        console.print(
            "With --data-dir DIR a folder DIR/FAMILY/NAME is a dataset too: CoNLL files for ner, SQuAD JSON for span,\n"
            "JSON lines (premise, hypothesis, label) for nli and classification."
        )
    return out.getvalue()


def _millions(count: int | None) -> str:
    return "?" if count is None else f"{count / 1e6:.1f} M"


def _tokens(length: int | None) -> str:
    return "any" if length is None else f"{length}"
