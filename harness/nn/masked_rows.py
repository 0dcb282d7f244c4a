"""Rows of a stream of tokens, and the fixed ones with fixed masks by which held-out text is scored."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from harness.nn.masking import Masked, Masker

RATE = 0.15
"""Share of the tokens of a row that are predicted."""
SEED = 15_000
"""Of the choice of rows and of their masks."""


def cut(blocks: NDArray[np.integer], length: int, first_id: int | None) -> NDArray[np.int64]:
    """Cut blocks into rows (n, length), whose first token is replaced by ``first_id``."""
    rows = np.ascontiguousarray(blocks, dtype=np.int64).reshape(-1, length)
    if first_id is not None:
        rows[:, 0] = first_id
    return rows


def drawn(n_tokens: int, length: int, at_most: int) -> NDArray[np.int64]:
    """The numbers of the rows that are scored, ascending: a fixed draw from all rows of the stream.

    Args:
        n_tokens: of the stream.
        length: tokens of a row.
        at_most: tokens in all, but one row at least.

    Returns:
        (rows,) numbers; none where the stream is shorter than a row.
    """
    order = np.random.default_rng([SEED, length]).permutation(n_tokens // length)
    return np.sort(order[: max(1, at_most // length)])


def masked_rows(
    stream: NDArray[np.integer], chosen: NDArray[np.int64], length: int, first_id: int | None, masker: Masker
) -> Masked:
    """Rows of a stream, masked at 15 %: the same masks for every model.

    Args:
        stream: (tokens,) ids.
        chosen: (rows,) numbers of rows, see `drawn`.
        length: tokens of a row.
        first_id: stands at the beginning of every row.
        masker: of the tokenizer.
    """
    rows = cut(stream[: len(stream) // length * length].reshape(-1, length)[chosen], length, first_id)
    return masker.mask(rows, max(1, round(RATE * length)), np.random.default_rng([SEED, length, 1]))


def tensors(masked: Masked, start: int = 0, end: int | None = None) -> dict[str, torch.Tensor]:
    """Some rows of a masked batch as what the model takes."""
    values = {name: getattr(masked, name)[start:end] for name in ("input_ids", "positions", "labels")}
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in values.items()}
