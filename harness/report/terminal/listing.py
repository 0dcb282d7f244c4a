"""``harness list``: the models, tasks and datasets there are, without importing torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from harness.terminal import drawn
from models import MODELS
from models.ranker import RANKERS
from tasks import TASKS, DatasetInfo
from tasks.data import SPLITS
from tasks.task import DECLARED, Configurable, measured


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


def rankers() -> list[dict[str, Any]]:
    """One row for each ranker, which needs no encoder."""
    return [
        {"model": one.name, "description": one.description, "paper": one.paper, "options": dict(one.options)}
        for one in RANKERS.values()
    ]


def tasks() -> list[dict[str, Any]]:
    """One row for each declared dataset of each task."""
    return [
        {
            "task": f"{name}/{info.name}",
            "default": info.name == task.default_dataset,
            "metric": measured(task, info.name).metric,
            "source": info.source,
            "licence": info.licence,
            "hub_id": info.hub_id,
            "revision": info.revision,
            "description": info.description,
            "options": dict(task.options) if isinstance(task, Configurable) else {},
        }
        for name, task in ((name, TASKS[name]) for name in TASKS)
        for info in task.datasets.values()
    ]


def data() -> list[dict[str, Any]]:
    """One row for each declared dataset: facts that are known without reading it.

    A size is ``None`` if no published count could be verified, or if the dataset is built on this machine.
    """
    return [
        {
            "dataset": f"{name}/{info.name}",
            "source": info.source,
            "hub_id": info.hub_id,
            "revision": info.revision,
            "licence": info.licence,
            "languages": list(info.languages),
            "sizes": {split: info.sizes.get(split) for split in SPLITS},
            "dev_cut_from_train": _dev_is_cut(info),
            "metric": measured(task, info.name).metric,
            "description": info.description,
        }
        for name, task in ((name, TASKS[name]) for name in TASKS)
        for info in task.datasets.values()
    ]


LISTS = {"models": models, "rankers": rankers, "tasks": tasks, "data": data}


def lists(what: str | None) -> dict[str, list[dict[str, Any]]]:
    """The rows of one list, or of models and tasks."""
    return {name: LISTS[name]() for name in _shown(what)}


def as_text(what: str | None) -> str:
    """One list, or models and tasks, as tables."""
    parts = {"models": _models, "rankers": _rankers, "tasks": _tasks, "data": _data}
    return drawn(*(part for name in _shown(what) for part in parts[name]()))


def _shown(what: str | None) -> list[str]:
    asked = ["models", "tasks"] if what is None else [what]
    return [name for one in asked for name in (("models", "rankers") if one == "models" else (one,))]


def _models() -> Iterator[Table | str]:
    table = Table("model", "size", title="models")
    for name in ("parameters", "non-embedding", "max length"):
        table.add_column(name, justify="right")
    for name in ("licence", "hub id"):
        table.add_column(name)
    previous = None
    for row in models():
        if previous not in (None, row["model"]):
            table.add_section()
        table.add_row(
            row["model"] if row["model"] != previous else "",
            row["size"],
            _millions(row["parameters"]),
            _millions(row["parameters_non_embedding"]),
            _tokens(row["max_length"]),
            row["licence"],
            row["hub_id"] or "-",
        )
        previous = row["model"]
    yield table


def _rankers() -> Iterator[Table | str]:
    for row in rankers():
        yield f"{row['model']}: {row['description']} ({row['paper']})"


def _tasks() -> Iterator[Table | str]:
    table = Table("task", "metric", "source", "what it is", title="tasks")
    options: dict[str, dict[str, str]] = {}
    for row in tasks():
        source = row["source"] if row["hub_id"] is None else f"{row['source']}: {row['hub_id']}"
        table.add_row(row["task"] + (" (default)" if row["default"] else ""), row["metric"], source, row["description"])
        options[row["task"].partition("/")[0]] = row["options"]
    yield table
    for family, values in options.items():
        if values:
            yield f"{family} takes --task-option NAME=VALUE; {_defaults(values)}"
    of_tables = [name for name in TASKS if getattr(TASKS[name], "columns", ())]
    yield f"FAMILY/hf:OWNER/NAME[@REVISION][:CONFIG] is any dataset of the hub, for {', '.join(of_tables)}."
    yield "With --data-dir DIR a folder DIR/FAMILY/NAME is a dataset too: " + "; ".join(_file_formats()) + "."


def _defaults(options: Mapping[str, str]) -> str:
    """``the defaults: examples=6; as declared or recognised: text, label``."""
    given = [f"{name}={value}" for name, value in options.items() if value != DECLARED]
    declared = [name for name, value in options.items() if value == DECLARED]
    parts = {"the defaults": given, "as declared or recognised": declared}
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)


def _file_formats() -> Iterator[str]:
    """``CoNLL files for ner``."""
    families: dict[str, list[str]] = defaultdict(list)
    for name in TASKS:
        if file_format := getattr(TASKS[name], "file_format", ""):
            families[file_format].append(name)
    for file_format, names in families.items():
        yield f"{file_format} for {' and '.join(names)}"


def _data() -> Iterator[Table | str]:
    table = Table("dataset", "languages", title="data")
    for split in SPLITS:
        table.add_column(split, justify="right")
    for name in ("metric", "licence", "hub id @ revision"):
        table.add_column(name)
    for row in data():
        sizes = {split: "?" if size is None else f"{size:,}" for split, size in row["sizes"].items()}
        if row["dev_cut_from_train"]:
            sizes["dev"] = "of train"
        if row["source"] == "embedded":
            sizes = dict.fromkeys(SPLITS, "built")
        where = f"{row['hub_id']} @ {row['revision'] or 'main, recorded by the run'}" if row["hub_id"] else "-"
        table.add_row(
            row["dataset"], ", ".join(row["languages"]), *sizes.values(), row["metric"], row["licence"], where
        )
    yield table
    yield (
        "built: made on this machine from installed packages, and identified by a fingerprint. of train: the published dev split\n"
        "is our test split, because the benchmark hides its test labels; dev is cut from train, the same for every run.\n"
        "?: no published count could be verified. `fetch DATASET --data-dir DIR` fetches a dataset for machines without a network."
    )


def _dev_is_cut(info: DatasetInfo) -> bool:
    files = info.hub_options.get("files")
    return files is not None and "train" in files and "dev" not in files


def _millions(count: int | None) -> str:
    return "?" if count is None else f"{count / 1e6:.1f} M"


def _tokens(length: int | None) -> str:
    return "any" if length is None else f"{length}"
