"""Exact attention within a distance, block by block: time and memory grow with length times distance.

Every text is laid out in blocks of `BLOCK` queries, each with its window: the keys of the block and those within reach on both
sides. The blocks of all texts form the batch of one call of torch's fused kernel. Between two texts lie enough empty rows that no
window reaches into the next text, and a bias per block excludes padding and keys beyond the distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.attention.full import full_attention

BLOCK = 64
"""Queries of a block. 32 computes fewer excluded pairs and 128 copies fewer keys, but both were slower on a CPU."""

LONGEST_DENSE = 5
"""Texts of up to this many distances are faster as one product of all pairs than as blocks, whose windows overlap."""


def computed_pairs(length: int, distance: int) -> int:
    """Pairs of a query and a key of one text whose scores are computed, the excluded ones among them included."""
    near = Near(distance, None, 1, length, torch.device("meta"))
    return length**2 if near.dense else near.rows * (BLOCK + 2 * near.reach)


@dataclass
class Near:
    """What a layer of local attention may read, in place of its mask.

    Attributes:
        distance: the greatest distance between a query and a key that it reads, in tokens.
        keys: (batch, length), true for keys that are read; None if nothing is padded.
        batch, length: of the texts.
        device: of the states.
    """

    distance: int
    keys: Tensor | None
    batch: int
    length: int
    device: torch.device
    _biases: dict[tuple[torch.dtype, bool], Tensor] = field(default_factory=dict, repr=False)

    @property
    def dense(self) -> bool:
        """Whether all pairs are computed, because the texts are short."""
        return self.length <= LONGEST_DENSE * self.distance

    @property
    def rows(self) -> int:
        """Rows of a text when it is laid out in blocks, the empty ones before the next text included."""
        return BLOCK * -(-(self.length + self.distance) // BLOCK)

    @property
    def reach(self) -> int:
        """Rows of a window on each side of its block: the distance as whole blocks."""
        return BLOCK * -(-self.distance // BLOCK)

    def pairs(self) -> Tensor:
        """The mask of all pairs, true where a query reads a key: (batch or 1, 1, length, length)."""
        position = torch.arange(self.length, device=self.device)
        near = ((position[:, None] - position).abs() <= self.distance)[None, None]
        return near if self.keys is None else near & self.keys[:, None, None, :]

    def bias(self, dtype: torch.dtype, dense: bool) -> Tensor:
        """Zero where a query reads a key and minus infinity elsewhere, computed once for all layers of a forward pass.

        Returns:
            (batch or 1, 1, length, length) if `dense`, else (blocks, 1, `BLOCK`, window).
        """
        if (dtype, dense) not in self._biases:
            reads = self.pairs() if dense else self._pairs_of_blocks()
            reads = reads | ~reads.any(dim=-1, keepdim=True)  # attention over no keys is NaN
            self._biases[dtype, dense] = torch.zeros_like(reads, dtype=dtype).masked_fill_(~reads, -math.inf)
        return self._biases[dtype, dense]

    def _pairs_of_blocks(self) -> Tensor:
        query = torch.arange(self.rows, device=self.device).view(-1, BLOCK, 1)
        key = query[:, :1] + torch.arange(-self.reach, BLOCK + self.reach, device=self.device)
        near = (query - key).abs() <= self.distance
        real = torch.ones(1, self.length, dtype=torch.bool, device=self.device) if self.keys is None else self.keys
        real = F.pad(real, (self.reach, self.rows + self.reach - self.length))
        reads = near & real[:, key.flatten() + self.reach].view(len(real), *key.shape)
        return reads.expand(self.batch, -1, -1, -1).flatten(0, 1)[:, None]


def near_attention(
    query: Tensor, key: Tensor, value: Tensor, near: Near, scale: float | None, dropout: float
) -> Tensor:
    """Attention of every query over the keys near it.

    Args:
        query, key, value: (batch, heads, length, head_size).
        near: which keys are near.
        scale: of the scores; None for 1 / sqrt(head_size).
        dropout: probability that a weight is dropped.

    Returns:
        (batch, length, heads, head_size). Queries that read no key have finite, meaningless results.
    """
    if near.dense:
        return full_attention(query, key, value, near.bias(value.dtype, dense=True), scale, dropout)
    query, key = query.to(value.dtype), key.to(value.dtype)
    one_size = query.shape[-1] == value.shape[-1]
    if value.device.type == "cpu" and one_size and not dropout and not torch.compiler.is_compiling():
        return _Blocks.apply(query, key, value, near, scale)
    layout = Layout(near, value.dtype, value.dtype)
    blocks = layout.blocks(query), layout.windows(key), layout.windows(value)
    bias = near.bias(value.dtype, dense=False)
    return layout.texts(F.scaled_dot_product_attention(*blocks, bias, dropout_p=dropout, scale=scale))


@dataclass(frozen=True)
class Layout:
    """Moves states between texts, (batch, heads, length, head_size), and blocks.

    Attributes:
        near: what the queries read.
        dtype: of the texts.
        within: of the blocks.
    """

    near: Near
    dtype: torch.dtype
    within: torch.dtype

    def blocks(self, states: Tensor) -> Tensor:
        """The blocks of all texts: (blocks, heads, `BLOCK`, head_size)."""
        return self._rows(states, 0).unflatten(0, (-1, BLOCK)).transpose(1, 2)

    def windows(self, states: Tensor) -> Tensor:
        """The window of every block, a view in which windows overlap: (blocks, heads, window, head_size)."""
        reach = self.near.reach
        return self._rows(states, reach).unfold(0, BLOCK + 2 * reach, BLOCK).transpose(2, 3)

    def _rows(self, states: Tensor, margin: int) -> Tensor:
        """All texts one after the other, with empty rows behind each and `margin` at both ends: (rows, heads, head_size)."""
        near, shape = self.near, states.shape[1::2]
        count = near.batch * near.rows
        rows = states.new_zeros(count + 2 * margin, *shape, dtype=self.within)
        rows[margin : margin + count].view(near.batch, near.rows, *shape)[:, : near.length] = states.transpose(1, 2)
        return rows

    def texts(self, blocks: Tensor) -> Tensor:
        """The texts of blocks, without empty rows: (batch, length, heads, head_size)."""
        rows = blocks.transpose(1, 2).reshape(self.near.batch, self.near.rows, *blocks.shape[1::2])
        return rows[:, : self.near.length].to(self.dtype)

    def sum_of_windows(self, windows: Tensor) -> Tensor:
        """The sum over all windows that hold a key: (batch, heads, length, head_size)."""
        parts = windows.transpose(1, 2).unflatten(1, (-1, BLOCK))  # (blocks, parts, BLOCK, heads, head_size)
        count, reach = parts.shape[1], parts.shape[1] // 2
        total = windows.new_zeros(len(parts) + 2 * reach, *parts.shape[2:], dtype=torch.float32)
        for part in range(count):
            total[part : part + len(parts)] += parts[:, part]
        total = total[reach : reach + len(parts)].view(self.near.batch, self.near.rows, *parts.shape[3:])
        return total[:, : self.near.length].transpose(1, 2).to(self.dtype)


class _Blocks(torch.autograd.Function):
    """Torch's fused kernel of a CPU on blocks and windows. Autograd alone would copy each window in the backward pass."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, near: Near, scale: float | None) -> Tensor:
        # The backward kernel takes a third longer in bfloat16 than in float32.
        exact = torch.promote_types(value.dtype, torch.float32) if any(ctx.needs_input_grad) else value.dtype
        layout, bias = Layout(near, value.dtype, exact), near.bias(exact, dense=False)
        inputs = layout.blocks(query), layout.windows(key), layout.windows(value)
        attended, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *inputs, attn_mask=bias, scale=scale
        )
        ctx.save_for_backward(*inputs, attended, sums, bias)
        ctx.layout, ctx.scale = layout, scale
        return layout.texts(attended)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        layout = ctx.layout
        query, key, value, attended, sums, bias = ctx.saved_tensors
        of_query, of_key, of_value = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            layout.blocks(gradient.transpose(1, 2)),
            query,
            key,
            value,
            attended,
            sums,
            0.0,
            False,
            attn_mask=bias,
            scale=ctx.scale,
        )
        of_query = layout.texts(of_query).transpose(1, 2)
        return of_query, layout.sum_of_windows(of_key), layout.sum_of_windows(of_value), None, None, None
