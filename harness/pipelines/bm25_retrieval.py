"""Retrieval without an encoder, by BM25 of the package bm25s: the baseline for encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from harness.cells.cell import Cell
from harness.errors import InputError
from harness.machine import distributed
from harness.nn.exact_search import best
from harness.pipelines.stages import EVALUATED, Parts, Result, Stages, limited, rows_of, scores_of
from models.ranker import Ranker
from tasks.data import Split
from tasks.ranking import FOUND, Ranking, by_precedence, ranking_for
from tasks.retrieval import Retrieval
from tasks.sources.collection import Document

READING = ("token_pattern", "stopwords")
"""The options of a ranker that decide how texts are divided into words; the others are for the index."""


def bm25_retrieval(cell: Cell, parts: Parts[Ranker, Retrieval], stage: Stages) -> Result | None:
    """Index the words of the corpus, and rank the documents for every query of dev and test.

    The prefixes of the task are for encoders and are not used.

    Returns:
        The result; ``None`` in a second process, since this run uses one (see `harness.machine.distributed`).

    Raises:
        InputError: the data are wrong, or no document has a word.
    """
    with stage("load"):
        data = limited(parts.task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
    if not distributed.is_first():
        return None
    with stage("encode"):
        index = WordIndex(data.documents, parts.model.options)
    rankings: dict[Split, list[Ranking]] = {}
    n_unmatched = 0
    with stage("predict"):
        for split in EVALUATED:
            queries, show = data.splits[split], stage.report(split)
            rankings[split] = []
            for query, found in zip(queries, index.search([query.text for query in queries]), strict=True):
                n_unmatched += not found
                rankings[split].append(ranking_for(query, found))
                show(len(rankings[split]), len(queries))
    with stage("score"):
        scores, rows = scores_of(parts.task, data, rankings), rows_of(parts.task, data, rankings)
    notes = unmatched_notes(n_unmatched, sum(map(len, rankings.values())))
    return Result(
        replace(data, notes=(*data.notes, *notes)),
        scores,
        rows,
        counts={
            "n_train": 0,
            "n_train_pairs": 0,
            "n_documents": len(data.documents),
            "n_windowed": 0,
            "n_truncated": 0,
            "n_documents_truncated": 0,
        },
        parameters={"params_total": 0, "params_non_embedding": 0},
    )


def unmatched_notes(n_unmatched: int, n_queries: int) -> list[str]:
    """A note for the record if most queries share no word with any document, as in a language that BM25 cannot divide."""
    if 2 * n_unmatched <= n_queries:
        return []
    return [
        f"bm25 found no word of {n_unmatched} of {n_queries} queries in the documents; it divides texts at blanks and "
        "punctuation, so it is no baseline for languages that are written without blanks"
    ]


class WordIndex:
    """The words of a corpus, weighted by BM25.

    Args:
        documents: the corpus, by id.
        options: of `bm25s.BM25`, and those named in `READING`.

    Raises:
        InputError: no document has a word.
    """

    def __init__(self, documents: Mapping[str, Document], options: Mapping[str, object]) -> None:
        from bm25s import BM25

        self.ids = by_precedence(list(documents))
        self.reading = {name: options[name] for name in READING}
        weighting = {name: value for name, value in options.items() if name not in READING}
        words = self._words([documents[one].content for one in self.ids])
        if not any(words):
            raise InputError(
                f"none of the {len(words)} documents has a word that bm25 can weigh: it reads letters and digits and leaves "
                "English function words out; check the texts of the corpus"
            )
        self.index = BM25(backend="numpy", **weighting)
        self.index.index(words, show_progress=False)

    def search(self, texts: Sequence[str], most: int = FOUND) -> Iterator[Ranking]:
        """For each text the documents that share a word with it, best first, at most ``most``."""
        return (self._found(words, most) for words in self._words(texts))

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        from bm25s import tokenize

        if not texts:
            return []
        words: list[list[str]] = tokenize(list(texts), return_ids=False, show_progress=False, **self.reading)
        return words

    def _found(self, words: list[str], most: int) -> Ranking:
        known = [word for word in words if word in self.index.vocab_dict]
        if not known:
            return []
        scores, places = best(torch.from_numpy(self.index.get_scores(known))[None], most)
        ranked = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(self.ids[place], score) for place, score in ranked if score > 0]
