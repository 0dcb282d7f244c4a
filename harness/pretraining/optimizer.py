"""Optimisers: AdamW, or Muon for the encoder's matrices and AdamW for all other weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from harness.nn.masked_lm import MaskedLM
from harness.pretraining.recipe import PretrainRecipe


def optimizer_for(model: MaskedLM, recipe: PretrainRecipe) -> torch.optim.Optimizer:
    """The optimiser of the recipe; weights with fewer than two dimensions have no decay."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    inner = set()
    if recipe.optimizer == "muon":
        embeddings = {id(table.weight) for table in model.modules() if isinstance(table, nn.Embedding)}
        inner = {id(weight) for weight in weights if weight.ndim == 2 and id(weight) not in embeddings}
    matrices = [weight for weight in weights if weight.ndim >= 2 and id(weight) not in inner]
    adamw = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
    )
    if not inner:
        return adamw
    muon = torch.optim.Muon(
        [weight for weight in weights if id(weight) in inner],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        adjust_lr_fn="match_rms_adamw",  # the same learning rate then suits both
    )
    return Together(muon, adamw)


class Together(torch.optim.Optimizer):
    """Several optimisers that step as one, each with weights of its own."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all parts: those themselves, so that a scheduler moves them."""
        return [group for part in self.parts for group in part.param_groups]

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        """The base class begins with no groups of its own."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """The parts hold the groups already."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Step with every part."""
        for part in self.parts:
            part.step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of every part."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The state of every part."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore every part."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
