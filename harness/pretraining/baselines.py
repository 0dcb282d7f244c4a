"""What counting alone predicts at masked positions: a model that is no better has learnt no more than neighbouring words.

The unigram baseline gives every token its frequency. The bigram baseline also reads the two neighbours, as the model sees
them: p(x | left, right) is proportional to p(x | left) p(x | right) / p(x), and a neighbour that is masked or a special
token says nothing. Counts of pairs are smoothed towards the unigram.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from harness.nn.masking import Masked
from tasks.task import IGNORED

COUNTED = 20_000_000
"""Tokens that are counted, from the beginning of the stream."""

PRIOR = 8.0
"""Weight of the unigram in the smoothed distribution after a token, in occurrences."""

_PIECE = 4_000_000
_AT_A_TIME = 512


def counting_losses(
    stream: NDArray[np.integer], vocabulary: int, is_special: NDArray[np.bool_], masked: Masked
) -> dict[str, float]:
    """Mean loss of both baselines, in nats a masked token.

    Args:
        stream: (tokens,) training ids.
        vocabulary: number of ids.
        is_special: (vocabulary,) which ids are special; a document's end is no neighbour.
        masked: the held-out batch.

    Returns:
        ``unigram`` and ``bigram``.
    """
    stream = stream[:COUNTED]
    counts = np.bincount(stream, minlength=vocabulary).astype(np.float64)
    counts[is_special] = 0
    unigram = (counts + 1) / (counts + 1).sum()
    rows, places = np.nonzero(masked.labels != IGNORED)
    labels, positions = masked.labels[rows, places], masked.positions[rows, places]
    left = _neighbours(masked.input_ids, rows, positions - 1, is_special)
    right = _neighbours(masked.input_ids, rows, positions + 1, is_special)
    after = _pairs(stream, vocabulary)
    before = after.T.tocsr()
    losses = []
    for start in range(0, len(labels), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        score = np.log(unigram)[None] + _evidence(after, left[part], unigram) + _evidence(before, right[part], unigram)
        score -= score.max(1, keepdims=True)
        normaliser = np.log(np.exp(score).sum(1))
        losses.append(normaliser - score[np.arange(len(score)), labels[part]])
    return {"unigram": float(-np.log(unigram[labels]).mean()), "bigram": float(np.concatenate(losses).mean())}


def _neighbours(
    ids: NDArray[np.int64], rows: NDArray[np.int64], places: NDArray[np.int64], is_special: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """(n,) ids at these places, -1 where there is none that says anything."""
    inside = (places >= 0) & (places < ids.shape[1])
    found = ids[rows, np.clip(places, 0, ids.shape[1] - 1)]
    return np.where(inside & ~is_special[found], found, -1)


def _pairs(stream: NDArray[np.integer], vocabulary: int) -> csr_matrix:
    """(vocabulary, vocabulary) how often the column follows the row."""
    total = csr_matrix((vocabulary, vocabulary), dtype=np.int32)
    for start in range(0, len(stream) - 1, _PIECE):
        piece = stream[start : start + _PIECE + 1].astype(np.int32)
        ones = np.ones(len(piece) - 1, np.int32)
        total = total + csr_matrix((ones, (piece[:-1], piece[1:])), shape=total.shape)
    return total


def _evidence(pairs: csr_matrix, given: NDArray[np.int64], unigram: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, vocabulary) log of p(x | given) / p(x); zero where nothing is given."""
    rows = pairs[np.maximum(given, 0)].toarray().astype(np.float64)
    smoothed = (rows + PRIOR * unigram) / (rows.sum(1, keepdims=True) + PRIOR)
    evidence: NDArray[np.float64] = np.log(smoothed / unigram)
    evidence[given < 0] = 0.0
    return evidence
