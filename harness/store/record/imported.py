"""The record of scores that another tool measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from harness.store.record.common import SCHEMA_VERSION, Scores


class ImportedModel(TypedDict):
    """The model of an imported score, as its source names it."""

    name: str
    size: str
    weights: str
    revision: str | None


class ImportedTask(TypedDict):
    """The dataset of an imported score."""

    name: str
    """The source's kind of task, such as ``Retrieval``."""
    dataset: str
    subset: str | None
    languages: list[str]
    metric: str
    revision: str | None


class ImportedSource(TypedDict):
    """The file that an imported score was read from."""

    file: str
    sha256: str
    version: str | None
    """Of the tool that wrote it."""
    notes: list[str]


class ImportedRecord(TypedDict):
    """Scores that another tool measured by its own protocol."""

    schema_version: int
    kind: Literal["imported"]
    key: str
    status: Literal["ok"]
    error: None
    protocol: str
    model: ImportedModel
    task: ImportedTask
    scores: Scores
    recipe: dict[str, str]
    """Hyperparameters of the training from the source's path."""
    source: ImportedSource


def imported_record(
    *,
    key: str,
    protocol: str,
    model: ImportedModel,
    task: ImportedTask,
    scores: Mapping[str, Mapping[str, float]],
    hyperparameters: str | None,
    source: ImportedSource,
) -> ImportedRecord:
    """The record of an imported score; each argument is the key of the same name (see `ImportedRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "imported",
        "key": key,
        "status": "ok",
        "error": None,
        "protocol": protocol,
        "model": model,
        "task": task,
        "scores": {split: dict(metrics) for split, metrics in scores.items()},
        "recipe": {"hyperparameters": hyperparameters} if hyperparameters else {},
        "source": source,
    }
