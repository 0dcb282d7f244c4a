"""One pretraining as a user asks for it; `harness.pretraining.run` resolves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InputError
from harness.pretraining.recipe import PretrainRecipe

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
        command: what repeats the run.
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
    command: str = ""

    def ends(self) -> dict[int, int]:
        """Steps after which a result is kept, and how many tokens were asked for: the branches, and last the run itself.

        Raises:
            InputError: a branch is too short, ends after the run, or two are the same.
        """
        recipe = self.recipe
        ends = [round(tokens / recipe.batch_tokens) for tokens in (*sorted(self.branch_at), recipe.tokens)]
        for tokens, end, following in zip(sorted(self.branch_at), ends, ends[1:], strict=False):
            if end >= following:
                raise InputError(
                    f"--branch-at {tokens} is no earlier than what follows it; branches differ and end before --tokens"
                )
        if recipe.trunk_of(ends[0]) < recipe.warmup_steps:
            raise InputError(
                f"the warm-up of {recipe.warmup_steps * recipe.batch_tokens} tokens outlasts the trunk of the branch at "
                f"{ends[0] * recipe.batch_tokens} tokens; use a smaller --warmup or a later branch"
            )
        return dict(zip(ends, (*sorted(self.branch_at), recipe.tokens), strict=True))
