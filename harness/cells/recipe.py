"""The recipe of fine-tuning, the same for every encoder.

Each field is declared once. The options of commands, the keys of TOML files, the checks of values and the command that
repeats a run are derived from the declarations (`RECIPE_FIELDS`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, cast

from harness.cells.recipe_field import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Bounds,
    RecipeValue,
    Usual,
    declared,
    recipe_fields,
)
from harness.errors import InputError
from harness.registry import suggestion
from harness.store.record import RecipeEntry

LENGTHS = ("epochs", "max_steps")
"""Two ways to give the length of a training; a recipe uses one of them."""


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of fine-tuning, the same for every encoder.

    The defaults are those of the Avey-B paper's token classification (Acharya and Hammoud, 2026): AdamW (0.9, 0.95),
    weight decay 0.1, linear decay after 10 % warm-up, batches of 32, clipping at 1.0. Only the AdamW epsilon differs: it is the
    usual 1e-8, where the paper has 1e-5.

    Attributes:
        learning_rate: peak learning rate.
        epochs: passes over the training examples; ignored if ``max_steps`` is given. 0 scores the weights without training,
            in tasks that can do so (`tasks.task.ZeroShot`).
        max_steps: optimiser steps, or ``None``.
        train_limit: number of training examples to use (a fixed sample, the same for all models and seeds).
        max_length: longest input in tokens, including special tokens, the same for every encoder.
        batch_size: examples in one optimiser step.
        precision: ``fp32``, or ``bf16`` for autocast over float32 master weights.
        warmup_ratio: share of the steps in which the learning rate rises.
        weight_decay: decoupled weight decay, not on biases and norms.
        adam_beta1, adam_beta2, adam_epsilon: AdamW.
        max_grad_norm: gradients are clipped to this global norm.
        schedule: of the learning rate after warm-up: falling to 0 as a line or a cosine, or constant.
        keep_best: score dev after every epoch, and keep the weights of the best, by the main metric.
        train: ``all`` weights, or the ``head`` alone on a frozen encoder (a linear probe).
        test_limit: for a trial: number of dev and of test examples to score (a fixed sample, the same for all models and
            seeds). Such scores are not comparable with those of whole splits.
    """

    learning_rate: float = declared(
        1e-4, "--lr", "peak learning rate", POSITIVE, usual=Usual(0.1, "training rarely works"), always_written=True
    )
    epochs: float = declared(
        3.0,
        "--epochs",
        "passes over the training examples",
        NOT_NEGATIVE,
        usual=Usual(1000, "a model rarely learns more"),
        always_written=True,
        decides_duration=True,
    )
    max_steps: int | None = declared(
        None,
        "--max-steps",
        "optimiser steps, instead of epochs",
        POSITIVE,
        always_written=True,
        decides_duration=True,
    )
    train_limit: int | None = declared(
        None,
        "--train-limit",
        "train on a fixed sample of N examples",
        POSITIVE,
        metavar="N",
        always_written=True,
        decides_duration=True,
    )
    max_length: int = declared(
        512,
        "--max-length",
        "longest input in tokens, including special tokens",
        Bounds("at least 8 tokens", lambda value: value >= 8),
        metavar="TOKENS",
        always_written=True,
        decides_duration=True,
    )
    batch_size: int = declared(
        32,
        "--batch-size",
        "examples in one optimiser step",
        POSITIVE,
        usual=Usual(65_536, "a step takes more memory and time than most machines have"),
        always_written=True,
        decides_duration=True,
    )
    precision: Literal["fp32", "bf16"] = declared(
        "fp32",
        "--precision",
        "default: bf16 where the machine is fast at it",
        always_written=True,
        decides_duration=True,
    )
    warmup_ratio: float = declared(
        0.1, "--warmup-ratio", "share of the steps in which the rate rises", SHARE, metavar="R"
    )
    weight_decay: float = declared(
        0.1, "--weight-decay", "decoupled, not on biases and norms", NOT_NEGATIVE, metavar="D"
    )
    adam_beta1: float = declared(0.9, "--adam-beta1", "of AdamW, like the next two", SHARE, metavar="B")
    adam_beta2: float = declared(0.95, "--adam-beta2", None, SHARE, metavar="B")
    adam_epsilon: float = declared(1e-8, "--adam-epsilon", None, POSITIVE, metavar="E")
    max_grad_norm: float = declared(
        1.0, "--max-grad-norm", "gradients are clipped to this global norm", POSITIVE, metavar="N"
    )
    schedule: Literal["linear", "cosine", "constant"] = declared(
        "linear", "--schedule", "of the rate after warm-up (default: linear, to 0)", left_out=True
    )
    keep_best: bool = declared(
        False,
        "--keep-best",
        "keep the weights of the epoch with the best dev score",
        left_out=True,
        decides_duration=True,
    )
    train: Literal["all", "head"] = declared(
        "all",
        "--train",
        "all weights (default), or the head alone on a frozen encoder: a linear probe",
        left_out=True,
        decides_duration=True,
    )
    test_limit: int | None = declared(
        None,
        "--test-limit",
        "a trial: score a fixed sample of N dev and N test examples; not comparable with whole splits",
        POSITIVE,
        metavar="N",
        left_out=True,
        decides_duration=True,
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputError: a value is out of its bounds.
        """
        for name, declared_field in RECIPE_FIELDS.items():
            declared_field.check(getattr(self, name))

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.max_steps is not None or self.epochs > 0

    def doubts(self) -> list[str]:
        """One sentence about each value that is far above what is usual; empty if nothing is trained."""
        if not self.trains:
            return []
        ignored = {"epochs"} if self.max_steps is not None else set()
        return [
            f"the {one.words} of {value:g} is unusual: above {usual.most:g} {usual.beyond}"
            for name, one in RECIPE_FIELDS.items()
            if name not in ignored and (usual := one.declaration.usual) and (value := getattr(self, name)) > usual.most
        ]

    def steps(self, n_examples: int) -> int:
        """Optimiser steps for this number of training examples."""
        return self.max_steps or math.ceil(math.ceil(n_examples / self.batch_size) * self.epochs)

    def untrained(self) -> Recipe:
        """The recipe of a run that trains nothing: only the values that decide how inputs are cut and computed remain."""
        return Recipe(epochs=0.0, max_length=self.max_length, precision=self.precision, test_limit=self.test_limit)

    def as_record(self) -> RecipeEntry:
        """The values as keys and records hold them: without those that are left out at their default."""
        values = {
            name: value
            for name, value in asdict(self).items()
            if not (RECIPE_FIELDS[name].declaration.left_out and value == RECIPE_FIELDS[name].default)
        }
        return cast(RecipeEntry, values)

    def values_of(self, names: Iterable[str]) -> tuple[RecipeValue, ...]:
        """The values of some fields."""
        return tuple(getattr(self, name) for name in names)

    def with_options(self, options: Mapping[str, RecipeValue]) -> Recipe:
        """This recipe with some values replaced.

        Raises:
            InputError: an option does not exist or is out of its bounds.
        """
        for name in options:
            if name not in RECIPE_FIELDS:
                raise InputError(f"a recipe has no {name!r}{suggestion(name, RECIPE_FIELDS)}")
        return Recipe(**(vars(self) | {name: RECIPE_FIELDS[name].typed(value) for name, value in options.items()}))


RECIPE_FIELDS = recipe_fields(Recipe)
"""The declaration of every field, by name."""
ALWAYS_WRITTEN = tuple(name for name, one in RECIPE_FIELDS.items() if one.declaration.always_written)
"""Fields that every command that repeats a run contains; others only if they differ from their default."""
DECIDE_DURATION = tuple(name for name, one in RECIPE_FIELDS.items() if one.declaration.decides_duration)
"""Fields that decide how long a run takes."""
