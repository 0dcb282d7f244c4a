"""From names that a user types to cells in which nothing is left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness import provenance
from harness.config import Cell, Recipe
from harness.errors import InputError
from models import MODELS, Encoder
from models.loading import Weights, find_weights
from tasks import TASKS, Task

SCRATCH_LEARNING_RATE = 1e-3
"""Peak learning rate where nothing else is asked for and the encoder starts from random weights."""


@dataclass(frozen=True)
class Planned:
    """A cell with the parts that its names mean."""

    cell: Cell
    encoder: Encoder
    weights: Weights
    task: Task


def plan(
    model: str,
    task: str,
    weights: str = "scratch",
    size: str | None = None,
    seed: int = 0,
    data_dir: str | None = None,
    options: Mapping[str, Any] | None = None,
    skip_bad: bool = False,
) -> Planned:
    """Resolve one cell.

    Args:
        model: name of a registered encoder.
        task: ``family`` or ``family/dataset``.
        weights: ``scratch``, ``hub``, a folder or a hub id.
        size: ``tiny`` by default; ``base`` where ``weights`` is ``hub``.
        seed: of the run.
        data_dir: folder of local datasets.
        options: values of the recipe that the user gave.
        skip_bad: leave malformed examples out, counted, instead of refusing the dataset.

    Raises:
        InputError: a name is unknown, or what it names is missing.
    """
    if seed < 0:
        raise InputError(f"--seed must be 0 or greater, not {seed}")
    encoder = MODELS[model]
    size = resolve_size(encoder, weights, size)
    family, _, dataset = task.partition("/")
    chosen = TASKS[family]
    dataset = dataset or chosen.default_dataset
    found = find_weights(encoder, size, weights)
    cell = Cell(
        model=model,
        size=size,
        weights=weights,
        task=f"{family}/{dataset}",
        recipe=resolve_recipe(chosen, found, options or {}),
        seed=seed,
        weights_identity=found.identity,
        data_identity=chosen.identity(dataset, data_dir),
        data_dir=data_dir,
        skip_bad=skip_bad,
    )
    return Planned(cell, encoder, found, chosen)


def resolve_size(encoder: Encoder, weights: str, size: str | None) -> str:
    """The size that is meant: ``tiny`` from scratch, ``base`` from the hub, ``custom`` where a checkpoint's config decides.

    Raises:
        InputError: the encoder has no such size, or a size was given beside a checkpoint.
    """
    if weights not in ("scratch", "hub"):
        if size is not None:
            raise InputError(
                f"--size {size} does not go with --weights {weights}, whose own config says how large it is; leave it out"
            )
        return "custom"
    size = size or ("base" if weights == "hub" else "tiny")
    encoder.size(size)
    return size


def resolve_recipe(task: Task, weights: Weights, options: Mapping[str, Any]) -> Recipe:
    """The task's recipe for these weights, with the user's options and this machine's fast precision.

    Raises:
        InputError: an option is unknown or out of its range.
    """
    defaults: dict[str, Any] = dict(task.defaults)
    if weights.kind == "scratch":
        defaults["learning_rate"] = SCRATCH_LEARNING_RATE
    if options.get("precision") is None:
        defaults["precision"] = provenance.fast_precision()
    given = {name: value for name, value in options.items() if value is not None}
    return Recipe().with_options(defaults | given)
