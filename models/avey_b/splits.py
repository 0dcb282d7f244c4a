"""How a padded batch of texts becomes a list of splits, and the splits become blocks of similar length."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Splits:
    """The tokens of a batch, without its padding, cut into splits of `S` tokens, text after text.

    A masked position is no part of its text, wherever it stands: left padding, right padding and holes all leave the
    same text behind. Shapes: batch `B` x `T` positions, `n` tokens, `M` splits.
    """

    position: Tensor
    """(n,) where each token stands in the flattened (B * T) batch, in order of text, then place."""
    grid: Tensor
    """(M, S) for each row of each split the number of its token in `position`; any number in rows of padding."""
    length: Tensor
    """(M,) tokens of each split; its other rows are padding."""
    per_text: list[int]
    """(B) number of splits of each text."""


def rows_in_use(length: Tensor, rows: int) -> Tensor:
    """(..., rows) true for the first `length` rows of each split."""
    return torch.arange(rows, device=length.device) < length[..., None]


@torch.compiler.disable
def cut_into_splits(mask: Tensor, size: int) -> Splits:
    """The splits of a batch whose `mask` (B, T) is true at tokens; none of them is empty.

    Raises:
        ValueError: one of the texts has no token.
    """
    batch, device = len(mask), mask.device
    text_length = mask.sum(1)
    lengths = text_length.tolist()
    if 0 in lengths:
        raise ValueError(
            f"Text {lengths.index(0)} of the batch has no token, since its attention_mask is all zero; leave it out."
        )
    per_text = [-(-length // size) for length in lengths]
    count = torch.tensor(per_text, device=device)
    first_split, first_token = count.cumsum(0) - count, text_length.cumsum(0) - text_length
    text = torch.arange(batch, device=device).repeat_interleave(count)
    start = (torch.arange(sum(per_text), device=device) - first_split[text]) * size
    grid = (first_token[text] + start)[:, None] + torch.arange(size, device=device)
    return Splits(
        position=mask.flatten().nonzero().squeeze(1),
        grid=grid.clamp(max=sum(lengths) - 1),
        length=(text_length[text] - start).clamp(max=size),
        per_text=per_text,
    )


def cut_into_static_splits(mask: Tensor, size: int) -> Splits:
    """The same in shapes that depend on the batch's shape alone, as export needs them: here splits may be empty."""
    batch, width = mask.shape
    count = -(-width // size)
    first = torch.arange(batch, device=mask.device)[:, None] * width
    start = torch.arange(count, device=mask.device) * size
    place = (start[:, None] + torch.arange(size, device=mask.device)).clamp(max=width - 1)
    # Distinct keys, since ONNX has no stable sort.
    tokens_first = (torch.arange(width, device=mask.device) + width * ~mask).argsort(dim=1)
    return Splits(
        position=(tokens_first + first).flatten(),
        grid=(first[..., None] + place).view(-1, size),
        length=(mask.sum(1, keepdim=True) - start).clamp(0, size).flatten(),
        per_text=[count] * batch,
    )


@dataclass(frozen=True)
class Block:
    """Splits that go through all layers together."""

    index: Tensor
    """(b,) their numbers."""
    rows: int
    """How many rows of them are computed."""
    is_full: bool
    """Every one of these rows holds a token."""


def blocks_of_similar_length(length: Tensor, size: int, live: bool, at_most: int, waste: int) -> Iterator[Block]:
    """Group splits, longest first, such that no block computes much padding.

    Args:
        length: (M,) tokens of each split.
        size: rows of a split, `S`.
        live: padding takes part in the layers, so that every split needs all its rows.
        at_most: rows of one block, unless a single split has more.
        waste: rows of padding that a block may compute before it is cheaper to start another.
    """
    lengths = length.tolist()
    order = sorted(range(len(lengths)), key=lambda split: -lengths[split])
    start = 0
    while start < len(order):
        rows, end, padding = size if live else lengths[order[start]], start, 0
        while end < len(order) and (end == start or (end - start + 1) * rows <= at_most):
            padding += 0 if live else rows - lengths[order[end]]
            if padding > waste:
                break
            end += 1
        yield Block(torch.tensor(order[start:end], device=length.device), rows, lengths[order[end - 1]] == rows)
        start = end
