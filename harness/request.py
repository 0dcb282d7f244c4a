"""One run as a user asks for it: names, and the few values that were given. `harness.plan` resolves it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.config import Recipe

RECIPE_FLAGS = {
    "learning_rate": "--lr",
    "epochs": "--epochs",
    "max_steps": "--max-steps",
    "train_limit": "--train-limit",
    "max_length": "--max-length",
    "batch_size": "--batch-size",
    "precision": "--precision",
}
"""Values of the recipe that have an option of the command line."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        model: name of a registered encoder.
        task: ``family`` or ``family/dataset``.
        weights: ``scratch``, ``hub``, a folder or a hub id.
        size: ``None`` for the default of these weights.
        seed: of the run.
        data_dir: folder of local datasets.
        recipe: values of the recipe that were given; the task and the weights decide the others.
        task_options: options of the task that were given, as text.
        skip_bad: leave malformed examples out, counted, instead of refusing the dataset.
        plugins: files that register models or tasks.
    """

    model: str
    task: str
    weights: str = "scratch"
    size: str | None = None
    seed: int = 0
    data_dir: str | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    task_options: Mapping[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    plugins: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The options of ``harness run`` that ask for this."""
        words = ["--model", self.model, "--task", self.task, "--weights", self.weights, "--seed", str(self.seed)]
        words += ["--size", self.size] if self.size else []
        words += ["--data-dir", self.data_dir] if self.data_dir else []
        words += ["--skip-bad"] if self.skip_bad else []
        for name, flag in RECIPE_FLAGS.items():
            value = self.recipe.get(name)
            if value is not None:
                words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
        for name, text in self.task_options.items():
            words += ["--task-option", f"{name}={text}"]
        for plugin in self.plugins:
            words += ["--plugin", plugin]
        return words

    def resolved(self, dataset: str, recipe: Recipe, task_options: Mapping[str, str]) -> Request:
        """The same with nothing left to defaults or to the machine."""
        values = {name: getattr(recipe, name) for name in RECIPE_FLAGS}
        values["epochs" if recipe.max_steps else "max_steps"] = None
        return Request(
            self.model, dataset, self.weights, self.size, self.seed, self.data_dir, values, task_options,
            self.skip_bad, self.plugins,
        )  # fmt: skip

    def command(self) -> str:
        """What a person types for it."""
        return shlex.join(["python", "-m", "harness", "run", *self.arguments()])
