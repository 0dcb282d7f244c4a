"""Exact search: the best documents for every query, in bounded memory for a corpus of any size.

Scores are computed block by block, and only the best of each block are kept; the matrix of all scores never exists.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

QUERIES_A_BLOCK = 512
DOCUMENTS_A_BLOCK = 8192
"""A block of scores takes 16 MiB, and finding the best scores in it takes little more."""


def search(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    k: int,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` documents with the highest inner products, best first; among equal ones the earlier document comes first.

    Args:
        queries: embeddings of shape (queries, width).
        documents: embeddings of shape (documents, width).
        k: how many are wanted; fewer if there are fewer documents.
        device: where products are computed; blocks of documents are moved there one by one.
        progress: called with the number of inner products done and in total.

    Returns:
        Positions of documents and their scores, both of shape (queries, k).

    Raises:
        ValueError: an embedding is not a number.
    """
    k = min(k, len(documents))
    positions = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for first in range(0, len(queries), QUERIES_A_BLOCK):
        last = min(first + QUERIES_A_BLOCK, len(queries))
        block = torch.from_numpy(queries[first:last]).to(device)
        found = Best(last - first, k, device)
        for start in range(0, len(documents), DOCUMENTS_A_BLOCK):
            some = torch.from_numpy(documents[start : start + DOCUMENTS_A_BLOCK]).to(device)
            found.add(block @ some.T, start)
            progress(first * len(documents) + (last - first) * (start + len(some)), len(queries) * len(documents))
        scores[first:last] = found.scores.cpu().numpy()
        positions[first:last] = found.positions.cpu().numpy()
    if np.isnan(scores).any():
        raise ValueError("an embedding is not a number, so it cannot be searched with; training went wrong")
    return positions, scores


class Best:
    """The best documents so far for every query, while the scores of the corpus come block by block.

    Args:
        n_queries: rows of the scores.
        k: how many documents are wanted.
        device: of the scores.

    Attributes:
        scores, positions: of the best documents, best first; both of shape (queries, at most ``k``).
    """

    def __init__(self, n_queries: int, k: int, device: torch.device | str) -> None:
        self.k = k
        self.scores = torch.empty((n_queries, 0), device=device)
        self.positions = torch.empty((n_queries, 0), dtype=torch.int64, device=device)

    def add(self, scores: Tensor, start: int) -> None:
        """Take the scores (queries, documents) of the next documents of the corpus, the first of which has this position."""
        block_scores, block_positions = best(scores, self.k)
        # Every document of this block comes after the best so far, so a stable sort keeps the order of ties.
        merged = torch.cat([self.scores, block_scores], dim=1)
        self.scores, order = (part[:, : self.k] for part in merged.sort(dim=1, descending=True, stable=True))
        self.positions = torch.cat([self.positions, block_positions + start], dim=1).gather(1, order)


def best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` highest scores of each row and their columns, best first; among equal ones the earlier column comes first.

    Args:
        scores: shape (rows, columns).
        k: how many are wanted; fewer if there are fewer columns.

    Returns:
        Scores and columns, both of shape (rows, k).
    """
    k = min(k, scores.shape[1])
    values, columns = scores.topk(k, dim=1)
    columns, order = columns.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    columns = columns.gather(1, order)
    # Among scores equal to the k-th, topk takes any.
    tied = (scores >= values[:, -1:]).sum(1) > k
    if tied.any():
        whole = scores[tied].sort(dim=1, descending=True, stable=True)
        values[tied], columns[tied] = whole.values[:, :k], whole.indices[:, :k]
    return values, columns
