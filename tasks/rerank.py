"""Reranking: a cross-encoder reads a query together with each of its candidates and puts them into a better order.

A first stage finds the candidates: BM25, a bi-encoder, or any system whose ranking is in a file. The cross-encoder is trained on
the judgements of train, with documents that BM25 ranks high as those that are not relevant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import InputError
from tasks.family import separated, table_options
from tasks.option_values import whole_number
from tasks.ranking import METRICS, Ranking, ranking_scores
from tasks.retrieval import QUERY_CHARACTERS, SHOWN, CollectionTask, refuse_other
from tasks.sources.collection import Query
from tasks.sources.own_documents import RULES
from tasks.sources.tables import judged
from tasks.task import DECLARED, Row

BM25 = "bm25"
BEFORE = "candidates_ndcg_at_10"
CEILING = "candidates_recall"
DEPTHS = range(1, 1001)
NEGATIVES = range(1, 101)

DEFAULTS = {
    "query_prefix": "",
    "document_prefix": "",
    "document_words": "32",
    "own_document": DECLARED,
    "candidates": BM25,
    "depth": "100",
    "negatives": "4",
    **table_options(*judged.OPTIONS),
}


@dataclass(frozen=True)
class Reranked:
    """The candidates of one query in the cross-encoder's order and in that of the first stage, with the scores of each."""

    ranking: Ranking
    candidates: Ranking


class Rerank(CollectionTask):
    """The family of reranking, on the collections of retrieval.

    Args:
        options: those of `CollectionTask`; ``candidates`` is the first stage: ``bm25``, ``MODEL@WEIGHTS`` of a bi-encoder that is
            not trained further, or a TREC run file; ``depth`` is the number of its best documents to rerank; ``negatives`` is
            the number of documents that are not relevant for each relevant one in training.
    """

    family = "rerank"
    folders = ("rerank", "retrieval")
    description = "put the best documents of bm25 or of another first stage into a better order"
    head = "pair"
    defaults: Mapping[str, object] = {"max_length": 256, "batch_size": 32, "epochs": 1.0}

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.options = DEFAULTS | dict(options or {})

    @property
    def depth(self) -> int:
        """How many documents of the first stage are reranked."""
        return int(self.options["depth"])

    @property
    def negatives(self) -> int:
        """How many documents that are not relevant go with each relevant one in training."""
        return int(self.options["negatives"])

    def configured(self, given: Mapping[str, str]) -> Rerank:
        """See `Configurable.configured`; `harness.cells.candidates` checks the first stage."""
        given = separated(given, self.columns)
        refuse_other("own_document", given, (DECLARED, *RULES))
        chosen = {**self.options, **given}
        chosen["depth"] = str(whole_number("depth", chosen["depth"], DEPTHS))
        chosen["negatives"] = str(whole_number("negatives", chosen["negatives"], NEGATIVES))
        if not chosen["candidates"].strip():
            raise InputError("candidates is empty; give bm25, MODEL@WEIGHTS of a bi-encoder, or a TREC run file")
        return Rerank(chosen)

    def score(self, examples: Sequence[Query], predictions: Sequence[Reranked]) -> dict[str, float]:
        """The means over queries after reranking, and of the candidates; empty if there are no queries.

        ``candidates_ndcg_at_10`` is that of the first stage's order. ``candidates_recall`` is the share of relevant documents
        among all candidates: no order of them can have a higher recall.
        """
        each = self._scores(examples, predictions)
        names = (*METRICS, BEFORE, CEILING)
        return {name: sum(scores[name] for scores in each) / len(each) for name in names} if each else {}

    def rows(self, examples: Sequence[Query], predictions: Sequence[Reranked]) -> list[Row]:
        """Id and text of each query, its grades, the ten best documents after and before reranking, and its scores."""
        return [
            {
                "id": query.id,
                "query": query.text[:QUERY_CHARACTERS],
                "gold": dict(query.judgements),
                "predicted": _shown(reranked.ranking),
                "candidates": _shown(reranked.candidates),
                "scores": scores,
                "terms": [scores[self.metric], 1],
            }
            for query, reranked, scores in zip(examples, predictions, self._scores(examples, predictions), strict=True)
        ]

    def _scores(self, examples: Sequence[Query], predictions: Sequence[Reranked]) -> list[dict[str, float]]:
        judgements = [query.judgements for query in examples]
        after = ranking_scores(judgements, [one.ranking for one in predictions])
        before = ranking_scores(judgements, [one.candidates for one in predictions])
        return [
            {**scores, BEFORE: first[METRICS[0]], CEILING: _recall(query, one.candidates)}
            for query, one, scores, first in zip(examples, predictions, after, before, strict=True)
        ]


RERANK = Rerank()


def _shown(ranking: Ranking) -> list[list[str | float]]:
    return [[document, round(float(score), 6)] for document, score in ranking[:SHOWN]]


def _recall(query: Query, candidates: Ranking) -> float:
    """The share of the relevant documents that are candidates; a query without any has 0, as in trec_eval."""
    relevant = set(query.relevant)
    return len(relevant & {document for document, _ in candidates}) / len(relevant) if relevant else 0.0
