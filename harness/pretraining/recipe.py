"""The recipe of pretraining: plain values with bounds, the same for every encoder, and the schedules they define.

A run is a trunk and a last part. On the trunk the learning rate (after warm-up), the row length (after the first rows) and
the mask rate are constant, so a trunk does not depend on how long the run will be; in the last part the rate falls to zero,
rows are longer and the mask rate falls. Runs of different lengths can therefore branch off one trunk.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.cells.request import number
from harness.errors import InputError
from harness.values import shortened

FLAGS = {
    "learning_rate": "--lr",
    "optimizer": "--optimizer",
    "batch_tokens": "--batch-tokens",
    "rows": "--rows",
    "first_rows": "--first-rows",
    "positions": "--positions",
    "mask_rate": "--mask-rate",
    "corruption": "--corruption",
    "warmup": "--warmup",
    "last_part": "--decay",
    "weight_decay": "--weight-decay",
    "adam_beta1": "--adam-beta1",
    "adam_beta2": "--adam-beta2",
    "adam_epsilon": "--adam-epsilon",
    "max_grad_norm": "--max-grad-norm",
    "precision": "--precision",
    "passes": "--passes",
}
"""The option of each field of a recipe; ``tokens`` is an option of the run."""

ABSENT_UNLESS_ASKED_FOR = ("first_rows", "positions")
"""Fields that records and identities hold only where they are not the default, as those made before these fields existed."""
MASK_LEVELS = 8
"""A falling mask rate moves in so many steps: each count of masked positions is a new shape, for which oneDNN builds and
keeps new kernels."""


@dataclass(frozen=True)
class PretrainRecipe:
    """How an encoder is pretrained.

    Attributes:
        tokens: of the whole run; rounded to whole batches.
        learning_rate: the highest, between warm-up and the last part.
        optimizer: ``adamw``, or ``muon`` for the matrices inside the encoder and AdamW for everything else.
        batch_tokens: tokens of one optimiser step, over all processes.
        rows: tokens of a row on the trunk and in the last part.
        first_rows: tokens of a row at the start of the trunk, and for how many tokens of the run; ``None`` for as on the trunk.
            BERT was pretrained on rows of 128 before those of 512 (Devlin et al. 2019).
        positions: how a table of learned positions starts: ``random`` as its config says, or ``sinusoids``
            (see `models.scratch.start_from_sinusoids`).
        mask_rate: share of masked positions on the trunk, and what it falls to in the last part.
        corruption: per cent of the masked positions that become [MASK], a random token, or stay.
        warmup: share of the steps in which the learning rate rises linearly.
        last_part: share of the steps in which it falls linearly to zero.
        weight_decay: decoupled, on matrices only: biases, norms and single numbers have none.
        adam_beta1, adam_beta2, adam_epsilon: of AdamW.
        max_grad_norm: gradients are clipped to this global norm.
        precision: ``fp32``, or ``bf16`` for autocast over float32 weights, norms, softmax and loss.
        passes: how often the corpus may be read.

    Raises:
        InputError: a value with which nothing can be trained.
    """

    tokens: int
    learning_rate: float = 2e-3
    optimizer: Literal["adamw", "muon"] = "adamw"
    batch_tokens: int = 8192
    rows: tuple[int, int] = (256, 512)
    first_rows: tuple[int, int] | None = None
    positions: Literal["random", "sinusoids"] = "random"
    mask_rate: tuple[float, float] = (0.3, 0.15)
    corruption: tuple[int, int, int] = (80, 10, 10)
    warmup: float = 0.02
    last_part: float = 0.25
    weight_decay: float = 0.1
    adam_beta1: float = 0.9
    adam_beta2: float = 0.98
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    passes: float = 4.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("--mask-rate", min(self.mask_rate), 0, 1),
            ("--mask-rate", max(self.mask_rate), 0, 1),
            ("--adam-beta1", self.adam_beta1, 0, 1),
            ("--adam-beta2", self.adam_beta2, 0, 1),
            ("--lr", self.learning_rate, 0, 1),
        ):
            if not low < value < high:
                raise InputError(f"{name} must lie between {low} and {high}, not at {value:g}")
        for name, value, least in (
            ("--weight-decay", self.weight_decay, 0.0),
            ("--warmup", self.warmup, 0.0),
            ("--decay", self.last_part, 0.0),
        ):
            if not least <= value < 1:
                raise InputError(f"{name} must be at least 0 and less than 1, not {value:g}")
        for name, value in (
            ("--adam-epsilon", self.adam_epsilon),
            ("--max-grad-norm", self.max_grad_norm),
            ("--passes", self.passes),
        ):
            if not 0 < value < float("inf"):
                raise InputError(f"{name} must be a finite number above 0, not {value:g}")
        if self.warmup + self.last_part > 1:
            raise InputError(f"--warmup {self.warmup:g} and --decay {self.last_part:g} are more than the whole run")
        if sum(self.corruption) != 100 or min(self.corruption) < 0:
            raise InputError(
                f"--corruption takes three percentages that make 100, not {':'.join(map(str, self.corruption))}"
            )
        self._check_rows()

    def _check_rows(self) -> None:
        if min(self.rows) < 8:
            raise InputError(f"--rows must be at least 8 tokens, not {min(self.rows)}")
        self._check_divisor(min(self.rows))
        if self.first_rows:
            length = self.first_rows[0]
            if not 8 <= length <= self.longest:
                raise InputError(f"--first-rows must be 8 to {self.longest} tokens long, not {length}")
            self._check_divisor(length)
        if self.batch_tokens < self.longest or self.batch_tokens % self.longest:
            raise InputError(
                f"a batch of {self.batch_tokens} tokens holds no whole number of rows of {self.longest}; "
                f"use --batch-tokens {max(1, round(self.batch_tokens / self.longest)) * self.longest}"
            )
        if self.steps < 4:
            raise InputError(
                f"--tokens {self.tokens} is fewer than four batches of {self.batch_tokens}; use more, or a smaller "
                "--batch-tokens"
            )

    def _check_divisor(self, length: int) -> None:
        if self.longest % length:
            raise InputError(f"rows of {self.longest} cannot be cut into rows of {length}; use a divisor")

    def values(self) -> dict[str, Any]:
        """The fields by name, for records and identities: without those of `ABSENT_UNLESS_ASKED_FOR` at their default."""
        return {name: value for name, value in asdict(self).items() if not self._is_left_out(name)}

    def arguments(self) -> list[str]:
        """The options that give this recipe on any machine."""
        said = [(name, flag) for name, flag in FLAGS.items() if not self._is_left_out(name)]
        return [word for name, flag in said for word in (flag, _written(getattr(self, name)))]

    def _is_left_out(self, name: str) -> bool:
        return name in ABSENT_UNLESS_ASKED_FOR and getattr(self, name) == getattr(type(self), name)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(self.rows)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return round(self.tokens / self.batch_tokens)

    @property
    def warmup_steps(self) -> int:
        """Steps in which the learning rate rises."""
        return max(1, round(self.warmup * self.steps))

    def trunk_of(self, steps: int) -> int:
        """Steps on the trunk of a run, or of a branch, that ends after ``steps``."""
        return steps - round(self.last_part * steps)

    def rate_factor(self, step: int, trunk: int, end: int) -> float:
        """The learning rate of a step (from 0) as a share of the highest, where the trunk ends at ``trunk``."""
        if step >= trunk:
            return max(0.0, (end - step) / (end - trunk)) if end > trunk else 1.0
        return min(1.0, (step + 1) / self.warmup_steps)

    def row_length(self, step: int, trunk: int) -> int:
        """Tokens of the rows of a step."""
        if self.first_rows and step * self.batch_tokens < self.first_rows[1]:
            return self.first_rows[0]
        return self.rows[step >= trunk]

    def mask_count(self, step: int, trunk: int, end: int) -> int:
        """Masked positions in each row of a step."""
        first, last = self.mask_rate
        level = 0
        if step >= trunk:
            level = 1 + (step - trunk) * MASK_LEVELS // (end - trunk)
        rate = first + (last - first) * level / MASK_LEVELS
        return max(1, round(rate * self.row_length(step, trunk)))


def read_value(name: str, text: str) -> Any:
    """The value of a recipe's field that its option's text gives.

    Args:
        name: a key of `FLAGS`.
        text: as a user types it: ``512`` or ``256:512`` for rows, ``8K`` for tokens.

    Raises:
        InputError: the text gives no such value.
    """
    option = FLAGS[name]
    if name in _TEXTS:
        if text not in _TEXTS[name]:
            raise InputError(f"{option} is one of {', '.join(_TEXTS[name])}, not {text!r}")
        return text
    if name == "batch_tokens":
        return number_of_tokens(option, text)
    if name == "rows":
        return _pair(option, text, int)
    if name == "first_rows":
        return _length_and_tokens(option, text)
    if name == "mask_rate":
        return _pair(option, text, float)
    if name == "corruption":
        return _parts(option, text, int, 3)
    return _parts(option, text, float, 1)[0]


def number_of_tokens(option: str, text: str) -> int:
    """A number of tokens: ``8192``, ``300K``, ``10M``, ``1.5B``.

    Raises:
        InputError: the text is no such number, or not above 0.
    """
    # A float cannot hold hundreds of digits, and no corpus has more tokens than 15 digits can say.
    found = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)([KMB]?)", text.strip().upper(), re.ASCII)
    tokens = round(float(found[1]) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[found[2]]) if found else 0
    if tokens < 1:
        raise InputError(f"{option} takes a number of tokens such as 300K or 10M, not {shortened(repr(text))}")
    return tokens


_TEXTS = {"optimizer": ("adamw", "muon"), "positions": ("random", "sinusoids"), "precision": ("fp32", "bf16")}


def _pair(option: str, text: str, kind: type[int] | type[float]) -> tuple[float, ...]:
    """``A:B``, or ``A`` for both."""
    return _parts(option, text if ":" in text else f"{text}:{text}", kind, 2)


def _length_and_tokens(option: str, text: str) -> tuple[int, int]:
    """``LENGTH:TOKENS``, such as ``32:1M``."""
    length, colon, tokens = text.partition(":")
    if not colon:
        raise InputError(f"{option} takes a length and a number of tokens such as 32:1M, not {shortened(repr(text))}")
    return number_of_tokens(option, length), number_of_tokens(option, tokens)


def _parts(option: str, text: str, kind: type[int] | type[float], count: int) -> tuple[float, ...]:
    try:
        values = tuple(kind(part) for part in text.split(":"))
    except ValueError:
        values = ()
    if len(values) != count:
        takes = "a number" if count == 1 else f"{count} numbers with a colon between them"
        raise InputError(f"{option} takes {takes}, not {shortened(repr(text))}")
    return values


def _written(value: float | str | tuple[float, ...]) -> str:
    """A value of a recipe as its option takes it."""
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return number(value) if isinstance(value, float) else str(value)
