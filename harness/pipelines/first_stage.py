"""Candidates for reranking: the best documents of BM25, of a bi-encoder, or of a ranking in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.cells.candidates import FirstStage
from harness.cells.cell import Cell
from harness.cells.vectors import vectors_of
from harness.errors import InputError
from harness.machine.device import device
from harness.nn.embedding import lower_case
from harness.pipelines.bm25_retrieval import WordIndex, unmatched_notes
from harness.pipelines.dense_retrieval import VectorIndex, embedder, prompted
from harness.pipelines.stages import EVALUATED, Stages
from models import loading
from models.encoder import Encoder, refuse_longer
from models.ranker import BM25
from models.weights import Weights
from tasks.data import Split
from tasks.ranking import Ranking, ranking_for
from tasks.rerank import Rerank
from tasks.retrieval import RETRIEVAL
from tasks.sources.collection import Query
from tasks.sources.formats import trec_run
from tasks.sources.searchable import SearchableData

Candidates = dict[Split, list[Ranking]]
"""For each query of dev and test the documents to rerank, best first."""


class Words:
    """BM25 over a collection.

    Args:
        data: the collection.
        depth: most documents for a query.
    """

    def __init__(self, data: SearchableData, depth: int) -> None:
        self.index, self.depth = WordIndex(data.documents, BM25.options), depth

    def search(self, queries: Sequence[Query]) -> Iterator[Ranking]:
        """For each query its best documents."""
        found = self.index.search([query.text for query in queries], self.depth + 1)
        return (ranking_for(query, ranking, self.depth) for query, ranking in zip(queries, found, strict=True))


def candidates(
    stage_one: FirstStage, task: Rerank, data: SearchableData, words: Words, cell: Cell, stage: Stages
) -> tuple[Candidates, list[str]]:
    """The candidates of dev and test, and notes for the record.

    Raises:
        InputError: a file of rankings is malformed, names an unknown document or has none of the queries, or the weights of the
            bi-encoder cannot be loaded.
    """
    if stage_one.file is not None:
        return _of_file(stage_one.file, task, data)
    if stage_one.bi_encoder is not None:
        search = _by_vectors(*stage_one.bi_encoder, task, data, embedding=(cell, stage))
    else:
        search = _by_words(words)
    found = {split: list(search(data.splits[split], split)) for split in EVALUATED}
    rankings = [ranking for split in EVALUATED for ranking in found[split]]
    without = sum(not ranking for ranking in rankings) if stage_one.bi_encoder is None else 0
    return found, unmatched_notes(without, len(rankings))


Search = Callable[[Sequence[Query], str], Iterator[Ranking]]
"""Takes queries and the name to show progress under."""


def _by_words(words: Words) -> Search:
    return lambda queries, shown_as: words.search(queries)


def _by_vectors(
    encoder: Encoder, weights: Weights, task: Rerank, data: SearchableData, embedding: tuple[Cell, Stages]
) -> Search:
    """The search by a bi-encoder that reads texts as its checkpoint declares, cut where the cell cuts its inputs."""
    cell, stage = embedding
    by = vectors_of(weights, RETRIEVAL.head, {})
    model, tokenizer = loading.load(encoder, "base", weights)
    refuse_longer(encoder.name, cell.recipe.max_length, loading.max_length(model, encoder, "base"))
    if by.lower:
        lower_case(tokenizer)
    embedded = embedder(model.to(device()), tokenizer, cell, by, stage)
    index = VectorIndex(data.documents, prompted(RETRIEVAL, by), embedded)

    def search(queries: Sequence[Query], shown_as: str) -> Iterator[Ranking]:
        found = index.search(queries, f"candidates of {shown_as}", task.depth + 1)
        return (ranking_for(query, ranking, task.depth) for query, ranking in zip(queries, found, strict=True))

    return search


def _of_file(file: Path, task: Rerank, data: SearchableData) -> tuple[Candidates, list[str]]:
    found = trec_run.load(file, data.documents)
    notes = []
    for split in EVALUATED:
        queries = data.splits[split]
        missing = sum(query.id not in found for query in queries)
        if missing and missing == len(queries):
            raise InputError(
                f"{file} has no candidates for any query of {split}; a TREC run of {data.origin} has them for dev and test"
            )
        if missing:
            notes.append(f"{missing} queries of {split} have no candidates in {file} and find nothing")
    return {
        split: [ranking_for(query, found.get(query.id, ()), task.depth) for query in data.splits[split]]
        for split in EVALUATED
    }, notes
