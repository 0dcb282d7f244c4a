"""One run as a user requests it: names, and the given values. `harness.cells.plan` resolves it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace

from harness.cells.recipe import ALWAYS_WRITTEN, RECIPE_FIELDS, Recipe
from harness.cells.recipe_field import RecipeValue
from harness.errors import InputError
from harness.values import LONGEST_NAME, shortened
from models.architectures import is_location

GREATEST_SEED = 2**32 - 1
"""The largest seed that numpy's generators accept."""
SCORE_FIELDS = ("max_length", "precision")
"""Fields of the recipe that matter where nothing is trained."""


@dataclass(frozen=True)
class Request:
    """One run as a user requests it.

    Attributes:
        model: name of a registered encoder; or a folder or hub id, whose config.json decides the encoder.
        task: ``family`` or ``family/dataset``.
        weights: of a registered encoder: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        name: what reports call the model; ``None`` for the default, see `harness.cells.names`.
        size: ``None`` for the default of these weights.
        seed: of the run.
        data_dir: folder of local datasets.
        recipe: values of the recipe that were given; the task and the weights decide the others.
        task_options: options of the task that were given, as text.
        skip_bad: leave malformed examples out, counted, instead of refusing the dataset.
        plugins: files that register models or tasks.
        strict_tags: refuse entity tags that violate the scheme of their file, instead of converting them.
        test: other datasets of the family whose test split is scored too, as ``family/dataset``.
    """

    model: str
    task: str
    weights: str = "scratch"
    _: KW_ONLY
    size: str | None = None
    seed: int = 0
    data_dir: str | None = None
    recipe: Mapping[str, RecipeValue] = field(default_factory=dict)
    task_options: Mapping[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    plugins: tuple[str, ...] = ()
    strict_tags: bool = False
    test: tuple[str, ...] = ()
    name: str | None = None

    def arguments(self) -> list[str]:
        """The options of ``harness run`` for this request."""
        weights = [] if is_location(self.model) else ["--weights", self.weights]
        words = ["--model", self.model, "--task", self.task, *weights, "--seed", str(self.seed)]
        words += ["--name", self.name] if self.name else []
        words += ["--test", ",".join(self.test)] if self.test else []
        words += ["--size", self.size] if self.size else []
        words += ["--data-dir", self.data_dir] if self.data_dir else []
        words += ["--skip-bad"] if self.skip_bad else []
        words += ["--strict-tags"] if self.strict_tags else []
        for name, declared in RECIPE_FIELDS.items():
            value = self.recipe.get(name)
            if declared.is_switch:
                words += [declared.declaration.flag] if value else []
            elif value is not None:
                words += [declared.declaration.flag, number(value) if isinstance(value, float) else str(value)]
        for name, text in self.task_options.items():
            words += ["--task-option", f"{name}={text}"]
        for plugin in self.plugins:
            words += ["--plugin", plugin]
        return words

    def resolved(self, dataset: str, recipe: Recipe, task_options: Mapping[str, str]) -> Request:
        """This request with no value left to defaults or to the machine."""
        values: dict[str, RecipeValue] = {
            name: value
            for name, declared in RECIPE_FIELDS.items()
            if (value := getattr(recipe, name)) != declared.default or name in ALWAYS_WRITTEN or name in self.recipe
        }
        values["epochs" if recipe.max_steps else "max_steps"] = None
        return replace(self, task=dataset, recipe=values, task_options=task_options)

    def command(self) -> str:
        """The command for this request."""
        return shlex.join(["python", "-m", "harness", "run", *self.arguments()])


def deployment(engine: str, quantize: str) -> str:
    """Engine and quantisation in words: ``openvino int8``; empty for torch without quantisation."""
    if (engine, quantize) == ("torch", "none"):
        return ""
    return engine if quantize == "none" else f"{engine} {quantize}"


@dataclass(frozen=True)
class ScoreRequest(Request):
    """A fine-tuned checkpoint to score as it is; its config.json decides the encoder and the seed.

    Attributes:
        labels: output of the checkpoint -> label of the dataset, where their names do not say so.
        engine, quantize: how the model is run, see `harness.engines.Choice`.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    engine: str = "torch"
    quantize: str = "none"

    @property
    def deployment(self) -> str:
        """Engine and quantisation in words, see `deployment`."""
        return deployment(self.engine, self.quantize)

    def arguments(self) -> list[str]:
        """The options of ``harness score`` for this request."""
        words = ["--weights", self.weights, "--task", self.task]
        words += ["--name", self.name] if self.name else []
        words += ["--data-dir", self.data_dir] if self.data_dir else []
        words += ["--skip-bad"] if self.skip_bad else []
        words += ["--strict-tags"] if self.strict_tags else []
        for name in SCORE_FIELDS:
            if (value := self.recipe.get(name)) is not None:
                words += [RECIPE_FIELDS[name].declaration.flag, str(value)]
        for option, values in {"--task-option": self.task_options, "--label": self.labels}.items():
            for name, text in values.items():
                words += [option, f"{name}={text}"]
        words += ["--engine", self.engine] if self.engine != "torch" else []
        words += ["--quantize", self.quantize] if self.quantize != "none" else []
        for plugin in self.plugins:
            words += ["--plugin", plugin]
        return words

    def command(self) -> str:
        """The command for this request."""
        return shlex.join(["python", "-m", "harness", "score", *self.arguments()])


def checked_seed(seed: object) -> int:
    """The seed, if it is valid.

    Raises:
        InputError: it is not a whole number from 0 to `GREATEST_SEED`.
    """
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= GREATEST_SEED:
        return seed
    raise InputError(f"a seed is a whole number from 0 to {GREATEST_SEED}, not {shortened(repr(seed))}")


def seed_from(text: str) -> int:
    """The seed that a text gives.

    Raises:
        InputError: it is not a whole number from 0 to `GREATEST_SEED`.
    """
    whole = re.fullmatch(r"0*(\d{1,10})", text.strip(), re.ASCII)  # Python refuses to convert thousands of digits
    return checked_seed(int(whole[1]) if whole else text)


def split_task(name: str) -> tuple[str, str]:
    """Family and dataset of a task's name; the dataset is empty if only the family is given.

    Raises:
        InputError: a part is missing, or longer than the name of a folder can be.
    """
    family, slash, dataset = name.partition("/")
    if not family or (slash and not dataset):
        lacking = "dataset after" if family else "family before"
        raise InputError(
            f"the task {name!r} has no {lacking} the slash; a task is FAMILY or FAMILY/DATASET, such as ner/wnut17"
        )
    if max(len(os.fsencode(part)) for part in (family, dataset)) > LONGEST_NAME:
        raise InputError(
            f"the task {name[:40]!r}... has a name of {len(name):,} characters; family and dataset have {LONGEST_NAME} bytes at most"
        )
    return family, dataset


def number(value: float) -> str:
    """A number as short as people write it, if that loses no digit, else with all digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
