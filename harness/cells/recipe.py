"""How an encoder is fine-tuned: the values of a recipe, the same for every encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, cast

from harness.errors import InputError
from harness.registry import suggestion
from harness.store.record import RecipeEntry

_USUAL = {
    "learning_rate": (0.1, "training rarely works"),
    "epochs": (1000, "a model rarely learns more"),
    "batch_size": (65_536, "a step takes more memory and time than most machines have"),
}
"""For some values of a recipe the most that is usual, and what is to be expected beyond."""


@dataclass(frozen=True)
class Recipe:
    """How an encoder is fine-tuned: the same for every encoder.

    The defaults are those of the Avey-B paper's token classification (Acharya and Hammoud, 2026): AdamW (0.9, 0.95),
    weight decay 0.1, linear decay after 10 % warm-up, batches of 32, clipping at 1.0; but for the usual AdamW epsilon of
    1e-8, where the paper has 1e-5.

    Attributes:
        learning_rate: peak learning rate.
        epochs: passes over the training examples; ignored where ``max_steps`` is given. 0 trains nothing: the weights are
            scored as they are, by tasks that can do so (`tasks.task.ZeroShot`).
        max_steps: optimiser steps, or ``None``.
        batch_size: examples in one optimiser step.
        max_length: longest input in tokens, special tokens included, for every encoder alike.
        warmup_ratio: share of the steps in which the learning rate rises.
        weight_decay: decoupled weight decay, not on biases and norms.
        adam_beta1, adam_beta2, adam_epsilon: AdamW.
        max_grad_norm: gradients are clipped to this global norm.
        precision: ``fp32``, or ``bf16`` for autocast over float32 master weights.
        train_limit: use only so many training examples (a fixed sample, the same for all models and seeds).
    """

    learning_rate: float = 1e-4
    epochs: float = 3.0
    max_steps: int | None = None
    batch_size: int = 32
    max_length: int = 512
    warmup_ratio: float = 0.1
    weight_decay: float = 0.1
    adam_beta1: float = 0.9
    adam_beta2: float = 0.95
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    train_limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputError: a value is out of its range.
        """
        positive = (
            "learning_rate",
            "max_steps",
            "batch_size",
            "train_limit",
            "adam_epsilon",
            "max_grad_norm",
        )
        for name in positive:
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"the {name.replace('_', ' ')} must be greater than 0, not {value:g}")
        if not 0 <= self.epochs < float("inf"):
            raise InputError(f"the epochs must be 0 or greater, not {self.epochs:g}")
        for name in ("warmup_ratio", "adam_beta1", "adam_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"the {name.replace('_', ' ')} must be from 0 to below 1, not {getattr(self, name):g}")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"the weight decay must be 0 or greater, not {self.weight_decay:g}")
        if self.max_length < 8:
            raise InputError(f"the max length must be at least 8 tokens, not {self.max_length}")
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"the precision is fp32 or bf16, not {self.precision!r}")

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.max_steps is not None or self.epochs > 0

    def doubts(self) -> list[str]:
        """One sentence about every value that is far outside of what is usual; none where nothing is trained."""
        if not self.trains:
            return []
        decides = _USUAL.keys() - ({"epochs"} if self.max_steps is not None else set())
        return [
            f"the {name.replace('_', ' ')} of {getattr(self, name):g} is unusual: above {most:g} {beyond}"
            for name, (most, beyond) in _USUAL.items()
            if name in decides and getattr(self, name) > most
        ]

    def steps(self, n_examples: int) -> int:
        """Optimiser steps for so many training examples."""
        return self.max_steps or math.ceil(math.ceil(n_examples / self.batch_size) * self.epochs)

    def untrained(self) -> Recipe:
        """What is left of it where nothing is trained: how inputs are cut and computed, whatever the other values were."""
        return Recipe(epochs=0.0, max_length=self.max_length, precision=self.precision)

    def as_record(self) -> RecipeEntry:
        """The values as a record holds them."""
        return cast(RecipeEntry, asdict(self))

    def with_options(self, options: Mapping[str, Any]) -> Recipe:
        """This recipe with some values replaced.

        Raises:
            InputError: an option does not exist or is out of its range.
        """
        known = [field.name for field in fields(self)]
        for name in options:
            if name not in known:
                raise InputError(f"a recipe has no {name!r}{suggestion(name, known)}")
        return replace(self, **options)
