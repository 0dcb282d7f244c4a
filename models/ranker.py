"""Rankers: what finds documents without an encoder, so that an encoder that loses to it is seen to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ranker:
    """A way to rank documents by the words that they share with a query.

    Attributes:
        name: what a user types after ``--model``.
        description: one line for ``harness list``.
        paper: where it is defined.
        options: every value that decides its rankings.
        size: what stands where an encoder has its size.
    """

    name: str
    description: str
    paper: str
    options: Mapping[str, Any]
    size: str = "lexical"

    @property
    def identity(self) -> str:
        """What decides its rankings, as text."""
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.options.items())])


BM25 = Ranker(
    name="bm25",
    description="no encoder: words weighted by their rarity, for retrieval tasks only",
    paper="Robertson and Zaragoza 2009",
    # Lucene's formula and its default values. Words are runs of letters and digits, so that identifiers fall apart at their
    # underscores; English function words are left out.
    options={"method": "lucene", "k1": 1.2, "b": 0.75, "token_pattern": r"(?u)[^\W_]+", "stopwords": "english"},
)

RANKERS: Mapping[str, Ranker] = {BM25.name: BM25}
