"""A model of transformers in the form in which the harness predicts: one tensor of logits."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class WithLogits(nn.Module):
    """Gives ``logits`` of shape (batch, length, labels), (batch, labels), or (batch, length, 2) for the ends of answers.

    Args:
        model: with a head.
        head: ``token``, ``span`` or ``sequence``.
    """

    def __init__(self, model: PreTrainedModel, head: str) -> None:
        super().__init__()
        self.model: nn.Module = model
        self.head = head
        self.takes_types = "token_type_ids" in inspect.signature(model.forward).parameters

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """The logits of a padded batch."""
        if not self.takes_types:  # some tokenizers give them for models without token types
            inputs.pop("token_type_ids", None)
        output = self.model(**inputs)
        if self.head == "span":
            return {"logits": torch.stack((output.start_logits, output.end_logits), dim=-1)}
        return {"logits": output.logits}
