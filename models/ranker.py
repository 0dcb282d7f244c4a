"""Retrieval baselines without an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ranker:
    """A method that ranks documents by the words that they share with a query.

    Attributes:
        name: what a user types after ``--model``.
        description: one line for ``harness list``.
        paper: citation of the paper that defines it.
        options: every value that affects its rankings.
        size: the value of the field that holds the size of an encoder.
    """

    name: str
    description: str
    paper: str
    options: Mapping[str, str | float]
    size: str = "lexical"

    @property
    def identity(self) -> str:
        """Everything that affects its rankings, as text."""
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.options.items())])


BM25 = Ranker(
    name="bm25",
    description="no encoder: words weighted by their rarity, for retrieval tasks only",
    paper="Robertson and Zaragoza 2009",
    # Lucene's formula and default values. A word is a run of letters and digits, so identifiers are split at underscores.
    # English function words are left out.
    options={"method": "lucene", "k1": 1.2, "b": 0.75, "token_pattern": r"(?u)[^\W_]+", "stopwords": "english"},
)

RANKERS: Mapping[str, Ranker] = {BM25.name: BM25}
