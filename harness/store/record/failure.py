"""The record of a cell that ended without a score."""

from __future__ import annotations

from typing import Literal, TypedDict

from harness.store.record.common import SCHEMA_VERSION, Environment
from harness.store.record.run import ModelEntry, RecipeEntry


class FailedTask(TypedDict):
    """The dataset of a cell that did not finish."""

    name: str
    dataset: str
    options: dict[str, str]


FailureStatus = Literal["failed", "oom", "diverged"]


class FailureRecord(TypedDict):
    """A cell that ended without a score. It never replaces a finished run."""

    schema_version: int
    key: str
    kind: Literal["failure"]
    status: FailureStatus
    error: str
    model: ModelEntry
    task: FailedTask
    recipe: RecipeEntry
    seed: int
    environment: Environment
    command: str


def failure_record(
    *,
    key: str,
    status: FailureStatus,
    error: str,
    model: ModelEntry,
    task: FailedTask,
    recipe: RecipeEntry,
    seed: int,
    environment: Environment,
    command: str,
) -> FailureRecord:
    """The record of a cell that did not finish; each argument is the key of the same name (see `FailureRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "kind": "failure",
        "status": status,
        "error": error,
        "model": model,
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "environment": environment,
        "command": command,
    }
