"""A model of transformers in the form in which the harness predicts: one tensor of logits."""

from __future__ import annotations

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

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """The logits of a padded batch."""
        output = self.model(**inputs)
        if self.head == "span":
            return {"logits": torch.stack((output.start_logits, output.end_logits), dim=-1)}
        return {"logits": output.logits}
