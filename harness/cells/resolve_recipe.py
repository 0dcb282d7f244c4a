"""The recipe of a cell: the task's defaults for these weights, and whether anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from harness.cells.recipe import Recipe
from harness.cells.recipe_field import RecipeValue
from harness.cells.request import Request
from harness.errors import InputError
from harness.machine import provenance
from models.shipped import is_shipped
from models.weights import Weights
from tasks.task import Task, ZeroShot

SCRATCH_LEARNING_RATE = 1e-3
"""Default peak learning rate of an encoder that starts from random weights; a task may have its own."""
SHIPPED_LEARNING_RATE = 2e-4
"""Of the tiny encoders that come with the package; a task may have its own."""
PROBE_LEARNING_RATE = 1e-2
"""Of a head on a frozen encoder: one linear layer takes larger steps than a whole encoder."""


def resolve_recipe(task: Task, weights: Weights, options: Mapping[str, RecipeValue]) -> Recipe:
    """The task's recipe for these weights, with the user's options and the precision that is fast on this machine.

    Raises:
        InputError: an option is unknown or out of its range.
    """
    defaults = dict(cast("Mapping[str, RecipeValue]", task.defaults))
    if weights.kind == "scratch":
        defaults["learning_rate"] = getattr(task, "scratch_learning_rate", SCRATCH_LEARNING_RATE)
    if is_shipped(weights.location):
        defaults["learning_rate"] = getattr(task, "shipped_learning_rate", SHIPPED_LEARNING_RATE)
    if options.get("train") == "head":
        defaults["learning_rate"] = PROBE_LEARNING_RATE
    if options.get("precision") is None:
        defaults["precision"] = provenance.fast_precision()
    given = {name: value for name, value in options.items() if value is not None}
    return Recipe().with_options(defaults | given)


def trained(task: Task, dataset: str, request: Request) -> bool:
    """Whether the weights are trained before they are scored.

    Raises:
        InputError: training was asked for but there is nothing to train on, or no training but a head has to be trained.
    """
    epochs, max_steps = request.recipe.get("epochs"), request.recipe.get("max_steps")
    if not isinstance(task, ZeroShot):
        if epochs == 0:
            raise InputError(
                f"{task.family} has a head that begins at random, so there is nothing to score after --epochs 0"
            )
        return True
    if epochs == 0 and max_steps is None:
        return False
    if task.has_training(dataset, request.data_dir):
        return True
    if epochs or max_steps:
        given = "--max-steps" if max_steps else "--epochs"
        raise InputError(
            f"{task.family}/{dataset} has nothing to train on, so it scores weights as they are; leave {given} out"
        )
    return False
