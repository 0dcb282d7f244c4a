"""Cut a padded batch of texts into splits, and group the splits into blocks of similar length."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LONGER_THAN_ANY_TEXT = 2**40


@dataclass(frozen=True)
class Splits:
    """The tokens of a batch without padding, cut into splits of `S` tokens, text by text.

    A masked position is never part of the text: left padding, right padding and holes all give the same splits.
    Shapes: `B` x `T` positions in the batch, `n` tokens, `M` splits.
    """

    position: Tensor
    """(n,) position of each token in the flattened (B * T) batch, ordered by text, then position."""
    grid: Tensor
    """(M, S) index in `position` of the token of each row of each split; arbitrary in padding rows."""
    length: Tensor
    """(M,) number of tokens in each split; the other rows are padding."""
    per_text: list[int] | int
    """(B) number of splits of each text; for export, where all have equally many, the number of texts."""


def rows_in_use(length: Tensor, rows: int) -> Tensor:
    """(..., rows) true for the first `length` rows of each split."""
    return torch.arange(rows, device=length.device) < length[..., None]


@torch.compiler.disable
def cut_into_splits(mask: Tensor, size: int) -> Splits:
    """The splits of a batch whose `mask` (B, T) is true at tokens; no split is empty.

    Raises:
        ValueError: a text has no tokens.
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
    """Splits in shapes that depend only on the shape of the batch, for export. Here splits may be empty."""
    batch, width = mask.shape
    count = (width + size - 1) // size  # ONNX rounds negative quotients towards zero
    # Sums and views instead of products with the width, which ONNX's exporter cannot write.
    first = torch.arange(batch * width, device=mask.device).view(batch, width)[:, 0, None]
    start = torch.arange(count, device=mask.device) * size
    place = (start[:, None] + torch.arange(size, device=mask.device)).clamp(max=width - 1)
    # Distinct keys, since ONNX has no stable sort.
    tokens_first = (torch.arange(width, device=mask.device) - mask * LONGER_THAN_ANY_TEXT).argsort(dim=1)
    return Splits(
        position=(tokens_first + first).flatten(),
        grid=(first[..., None] + place).view(-1, size),
        length=(mask.sum(1, keepdim=True) - start).clamp(0, size).flatten(),
        per_text=batch,
    )


@dataclass(frozen=True)
class Block:
    """Splits that pass all layers together."""

    index: Tensor
    """(b,) indices of the splits."""
    rows: int
    """Number of rows computed for each split."""
    is_full: bool
    """Whether each of these rows holds a token."""


def blocks_of_similar_length(length: Tensor, size: int, live: bool, at_most: int, waste: int) -> Iterator[Block]:
    """Group splits, longest first, so that no block computes much padding.

    Args:
        length: (M,) number of tokens in each split.
        size: rows of a split, `S`.
        live: whether padding takes part in the layers, so that all rows of every split are needed.
        at_most: most rows of one block, unless a single split has more.
        waste: padding rows that a block may compute before another block would be cheaper.
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
