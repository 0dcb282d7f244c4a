"""From names that a user types to cells in which nothing is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness import provenance
from harness.config import Cell, Recipe
from harness.errors import InputError
from harness.registry import suggestion
from harness.request import Request
from models import MODELS, Encoder
from models.loading import Weights, find_weights
from tasks import TASKS, Task
from tasks.task import Configurable

SCRATCH_LEARNING_RATE = 1e-3
"""Peak learning rate where nothing else is asked for and the encoder starts from random weights."""

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Planned:
    """A cell with the parts that its names mean."""

    cell: Cell
    encoder: Encoder
    weights: Weights
    task: Task


def plan(request: Request) -> Planned:
    """Resolve one cell.

    Raises:
        InputError: a name is unknown, or what it names is missing.
    """
    return plan_all([request])[0]


def plan_all(requests: Sequence[Request]) -> list[Planned]:
    """Resolve many cells; weights and datasets that they share are looked at once.

    Raises:
        InputError: a name is unknown, or what it names is missing.
    """

    @cache
    def weights_of(model: str, size: str, weights: str) -> Weights:
        return find_weights(MODELS[model], size, weights)

    @cache
    def task_of(family: str, options: Options) -> Task:
        return with_task_options(TASKS[family], dict(options))

    @cache
    def identity_of(family: str, options: Options, dataset: str, data_dir: str | None) -> str:
        return task_of(family, options).identity(dataset, data_dir)

    def planned(request: Request) -> Planned:
        if request.seed < 0:
            raise InputError(f"--seed must be 0 or greater, not {request.seed}")
        encoder = MODELS[request.model]
        size = resolve_size(encoder, request.weights, request.size)
        family, _, dataset = request.task.partition("/")
        options = tuple(request.task_options.items())
        task = task_of(family, options)
        dataset = dataset or task.default_dataset
        weights = weights_of(request.model, size, request.weights)
        cell = Cell(
            model=request.model,
            size=size,
            weights=request.weights,
            task=f"{family}/{dataset}",
            recipe=resolve_recipe(task, weights, request.recipe),
            seed=request.seed,
            weights_identity=weights.identity,
            data_identity=identity_of(family, options, dataset, request.data_dir),
            task_options=tuple(sorted(task.options.items())) if isinstance(task, Configurable) else (),
            data_dir=request.data_dir,
            skip_bad=request.skip_bad,
        )
        return Planned(cell, encoder, weights, task)

    return [planned(request) for request in requests]


def with_task_options(task: Task, given: Mapping[str, str]) -> Task:
    """The task by these options.

    Raises:
        InputError: it has no such option, or a value is not one.
    """
    if isinstance(task, Configurable):
        if unknown := next((name for name in given if name not in task.options), None):
            raise InputError(f"{task.family} has no option {unknown!r}{suggestion(unknown, task.options)}")
        return task.configured(given)
    if given:
        raise InputError(f"{task.family} has no options; leave --task-option {next(iter(given))} out")
    return task


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
