"""The mean of a text's tokens, which the harness and its saved models classify texts by."""

from __future__ import annotations

from torch import Tensor


def mean_pool(last_hidden_state: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean over the tokens that are not padding, of shape (batch, width)."""
    mask = attention_mask.unsqueeze(-1).to(last_hidden_state.dtype)
    return (last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1)
