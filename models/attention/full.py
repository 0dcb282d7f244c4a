"""Attention over all keys, by torch's fused kernels, without a quadratic matrix for long texts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

SHORT = 256
"""Up to this many tokens, training on a CPU computes bfloat16 attention in float32: torch's fused kernel then takes half to nine
tenths of the time. Longer texts are faster in bfloat16."""

LONGEST_WEIGHTS = 1024
"""Texts of up to this many tokens keep the weights that dropout needs, one for each pair; longer ones compute them again."""

QUERIES = 256
"""Queries whose weights are in memory at once in longer texts."""


def full_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None, dropout: float
) -> Tensor:
    """Attention of every query over all keys that the mask admits.

    Args:
        query, key, value: (batch, heads, length, head_size).
        mask: broadcasts to (batch, heads, length, length): true for keys that are read, or added to the scores. None for all.
        scale: of the scores; None for 1 / sqrt(head_size).
        dropout: probability that a weight is dropped.

    Returns:
        (batch, length, heads, head_size), contiguous.
    """
    if dropout and query.shape[2] > LONGEST_WEIGHTS and (mask is None or mask.shape[-2] == 1):
        return _in_parts(query, key, value, mask, scale, dropout)
    if _faster_in_float32(query, value, dropout):
        if mask is not None and mask.dtype == torch.bfloat16:
            mask = mask.float()
        with torch.autocast(value.device.type, enabled=False):
            wide = query.float(), key.float(), value.float()
            attended = F.scaled_dot_product_attention(*wide, mask, scale=scale).to(value.dtype)
    else:
        attended = F.scaled_dot_product_attention(query, key, value, mask, dropout_p=dropout, scale=scale)
    return attended.transpose(1, 2).contiguous()


def _faster_in_float32(query: Tensor, value: Tensor, dropout: float) -> bool:
    training = torch.is_grad_enabled() and value.requires_grad and not dropout
    return training and value.device.type == "cpu" and value.dtype == torch.bfloat16 and query.shape[2] <= SHORT


def _in_parts(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None, dropout: float
) -> Tensor:
    """Some queries at a time. The backward pass draws the same dropout again, so that no weights are kept."""

    def attend(some: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(some, key, value, mask, dropout_p=dropout, scale=scale)

    parts = [checkpoint(attend, some, key, value, use_reentrant=False) for some in query.split(QUERIES, dim=2)]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()
