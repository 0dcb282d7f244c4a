"""Types that records of several kinds share."""

from __future__ import annotations

from typing import Literal, TypedDict

SCHEMA_VERSION = 1

SplitName = Literal["train", "dev", "test"]

Scores = dict[str, dict[str, float]]
"""Split -> metric -> value. ``dev`` is empty for a dataset without a dev split."""


class OptimiserEntry(TypedDict):
    """The common part of the recipes of fine-tuning and pretraining."""

    learning_rate: float
    weight_decay: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    max_grad_norm: float
    precision: str


class Environment(TypedDict, total=False):
    """The software and machine of a measurement."""

    python: str
    packages: dict[str, str]
    git_revision: str | None
    """Commit of the harness, with ``+changes`` where files differ from it."""
    cpu: str
    cpu_count: int | None
    gpu: str | None
    threads: int
    platform: str
    processes: int
    """Processes that trained together."""
    node: str
    """Of a cluster."""
