"""Late interaction: exact search by the vectors of all tokens, in bounded memory for a corpus of any size.

The score of a document is MaxSim (Khattab and Zaharia, 2020): the sum over the tokens of the query of the highest cosine with any
token of the document. Documents are embedded and scored chunk by chunk, and only the best are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.machine import memory
from harness.nn.embedding import HiddenStates
from harness.nn.exact_search import Best

DOCUMENT_TOKENS = 65_536
"""Most token vectors of documents in memory: 96 MiB at a width of 384."""
QUERY_TOKENS = 262_144
"""Upper limit, roughly, on the query token vectors in memory. If there are more queries, the corpus is embedded once more for each part."""
ELEMENTS = 16_777_216
"""Numbers in a block of cosines and its padded inputs: 64 MiB."""


class TokenSearch:
    """Searches a corpus by MaxSim.

    Args:
        states: reads texts.
        progress: called with the number of documents done and in all, counted again for each part of the queries.

    Attributes:
        n_cut: number of documents that were cut at the longest input.
    """

    def __init__(self, states: HiddenStates, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        self.states, self.progress = states, progress
        self.n_cut = 0

    def __call__(
        self, queries: Sequence[str], documents: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``k`` documents with the highest scores, best first; among equal ones the earlier document comes first.

        Returns:
            Positions of documents and their scores, both of shape (queries, at most ``k``).

        Raises:
            ValueError: a score is not a number.
        """
        found = [self._search(part, documents, k) for part in self._parts(queries)]
        positions = torch.cat([one.positions for one in found]).cpu().numpy()
        scores = torch.cat([one.scores for one in found]).cpu().numpy()
        if np.isnan(scores).any():
            raise ValueError("a score is not a number, so documents cannot be ranked by it; training went wrong")
        return positions, scores

    def _parts(self, queries: Sequence[str]) -> Iterator[list[Tensor]]:
        """The token vectors of the queries, in parts within the budget."""
        part: list[Tensor] = []
        for some in _chunks(queries, self.states.max_length):
            part += token_vectors(self.states, some)
            if sum(map(len, part)) + DOCUMENT_TOKENS > QUERY_TOKENS:
                yield part
                part = []
        if part:
            yield part

    def _search(self, queries: Sequence[Tensor], documents: Sequence[str], k: int) -> Best:
        from sentence_transformers.util.similarity import maxsim

        best = Best(len(queries), k, queries[0].device)
        before, done = self.states.n_cut, 0
        for some in _chunks(documents, self.states.max_length):
            vectors = token_vectors(self.states, some)
            best.add(maxsim(list(queries), vectors, chunk_elements=ELEMENTS), done)
            del vectors
            memory.give_back()  # blocks of many sizes leave holes in glibc's heap
            done += len(some)
            self.progress(done, len(documents))
        self.n_cut = self.states.n_cut - before
        return best


def token_vectors(states: HiddenStates, texts: Sequence[str]) -> list[Tensor]:
    """For each text the vectors of its tokens, special ones included, scaled to unit length: shape (tokens, width)."""
    vectors = [torch.empty(0)] * len(texts)
    for places, hidden, mask in states.of(texts):
        unit = nn.functional.normalize(hidden, dim=-1)
        for row, place in enumerate(places):
            vectors[place] = unit[row][mask[row].bool()]
    return vectors


def _chunks(texts: Sequence[str], max_length: int) -> Iterator[Sequence[str]]:
    """Parts of the texts with at most `DOCUMENT_TOKENS` tokens each, at least one text in each."""
    size = max(1, DOCUMENT_TOKENS // max_length)
    return (texts[start : start + size] for start in range(0, len(texts), size))
