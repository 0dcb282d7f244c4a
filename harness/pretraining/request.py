"""One pretraining as a user asks for it; `harness.pretraining.run` resolves it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from harness.errors import InputError
from harness.pretraining.recipe import PretrainRecipe
from harness.progress import short_count

EVAL_TOKENS = 65_536
POINTS = 20


@dataclass(frozen=True)
class PretrainRequest:
    """What is asked for.

    Attributes:
        model: name of a registered encoder.
        corpora: names of corpora, see `harness.pretraining.corpus.find_corpus`; read one after the other.
        recipe: how to train.
        out: folder of the result.
        size: one of the encoder's sizes.
        model_options: values of its config as text, in place of those of the size.
        tokenizer: ``embedded``, a folder or a hub id.
        seed: of initialisation, order and masks.
        branch_at: tokens at which further results branch off the trunk.
        eval_tokens: held-out tokens of every point of the curve.
        points: of the curve.
        eval_rows: further lengths of held-out rows at which the result is scored, besides those of the recipe.
        plugins: files that register models.
    """

    model: str
    corpora: tuple[str, ...]
    recipe: PretrainRecipe
    out: Path
    size: str = "tiny"
    model_options: Mapping[str, str] = field(default_factory=dict)
    tokenizer: str = "embedded"
    seed: int = 0
    branch_at: tuple[int, ...] = ()
    eval_tokens: int = EVAL_TOKENS
    points: int = POINTS
    eval_rows: tuple[int, ...] = ()
    plugins: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The options of ``harness pretrain`` that ask for this."""
        words = ["--model", self.model, "--size", self.size]
        words += [word for item in self.model_options.items() for word in ("--model-option", "=".join(item))]
        words += [word for name in self.corpora for word in ("--corpus", name)]
        words += ["--tokenizer", self.tokenizer, "--tokens", str(self.recipe.tokens), "--seed", str(self.seed)]
        words += ["--branch-at", _joined(self.branch_at)] if self.branch_at else []
        words += [*self.recipe.arguments(), "--eval-tokens", str(self.eval_tokens), "--points", str(self.points)]
        words += ["--eval-rows", _joined(self.eval_rows)] if self.eval_rows else []
        words += ["--out", str(self.out)]
        return words + [word for plugin in self.plugins for word in ("--plugin", plugin)]

    def command(self) -> str:
        """The command that repeats the run."""
        return shlex.join(["python", "-m", "harness", "pretrain", *self.arguments()])

    def ends(self) -> dict[int, int]:
        """Steps after which a result is kept, and how many tokens were asked for: the branches, and last the run itself.

        Raises:
            InputError: a branch is too short, ends after the run, or two are the same or have the same folder.
        """
        recipe, branches = self.recipe, sorted(self.branch_at)
        ends = [round(tokens / recipe.batch_tokens) for tokens in (*branches, recipe.tokens)]
        for tokens, end, following in zip(branches, ends, ends[1:], strict=False):
            if end >= following:
                raise InputError(
                    f"--branch-at {tokens} is no earlier than what follows it; branches differ and end before --tokens"
                )
        for tokens, following in pairwise(branches):
            if branch_name(tokens) == branch_name(following):
                raise InputError(
                    f"the results of --branch-at {tokens} and {following} would share the folder {branch_name(tokens)}; "
                    "let them differ in the first three digits"
                )
        if recipe.trunk_of(ends[0]) < recipe.warmup_steps:
            raise InputError(
                f"the warm-up of {recipe.warmup_steps * recipe.batch_tokens} tokens outlasts the trunk of the branch at "
                f"{ends[0] * recipe.batch_tokens} tokens; use a smaller --warmup or a later branch"
            )
        if recipe.first_rows and recipe.trunk_of(ends[0]) * recipe.batch_tokens < recipe.first_rows[1]:
            raise InputError(
                f"the first rows, for {recipe.first_rows[1]} tokens, outlast the trunk of the result at "
                f"{ends[0] * recipe.batch_tokens} tokens; use fewer tokens for --first-rows, or a later result"
            )
        return dict(zip(ends, (*branches, recipe.tokens), strict=True))


def branch_name(tokens: int) -> str:
    """The folder of a branch's result, in that of the run."""
    return f"branch-{short_count(tokens)}"


def _joined(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
