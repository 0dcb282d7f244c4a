"""Retrieval without an encoder: BM25 by bm25s, the row that an encoder has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from harness.cells.cell import Cell
from harness.nn.exact_search import best
from harness.nn.training import Fit
from harness.pipelines.procedure import EVALUATED, Outcome, outcome_of
from harness.progress import Reporter
from harness.store.record import ExampleCounts
from models.loading import Weights
from models.parameters import ParameterCounts
from models.ranker import Ranker
from tasks.ranking import FOUND, Ranking, by_precedence, ranking_for
from tasks.retrieval import Retrieval, SearchableData
from tasks.task import Split


class LexicalSearch:
    """See `harness.pipelines.procedure.Procedure`: index the words of the corpus, and rank it for every query of dev and test.

    Args:
        cell: what to run; everything in it is resolved.
        ranker: how to rank.
        weights: there are none.
        task: the cell's task; its prefixes are for encoders and are not read.
    """

    def __init__(self, cell: Cell, ranker: Ranker, weights: Weights, task: Retrieval) -> None:
        self.cell, self.ranker, self.task = cell, ranker, task

    def load(self) -> SearchableData:
        """Read the collection."""
        self.data = self.task.load(self.cell.task.partition("/")[2], self.cell.data_dir, self.cell.skip_bad)
        return self.data

    def encode(self) -> None:
        """Index the corpus."""
        from bm25s import BM25

        self.ids = by_precedence(list(self.data.documents))
        options = dict(self.ranker.options)
        self.reading = {name: options.pop(name) for name in ("token_pattern", "stopwords")}
        self.index = BM25(backend="numpy", **options)
        self.index.index(self._words([self.data.documents[one].content for one in self.ids]), show_progress=False)

    def fit(self, report: Reporter, checkpoints: Path | None, curves: Path | None) -> Fit:
        """There is nothing to train."""
        return Fit(0, [])

    def predict(self, report: Reporter) -> None:
        """Rank the documents that share a word with the query."""
        self.rankings: dict[Split, list[Ranking]] = {}
        for split in EVALUATED:
            show, queries = report(split), self.data.splits[split]
            self.rankings[split] = []
            words = self._words([query.text for query in queries])
            for done, (query, its_words) in enumerate(zip(queries, words, strict=True), start=1):
                self.rankings[split].append(ranking_for(query, self._found(its_words)))
                show(done, len(queries))

    def score(self) -> Outcome:
        """Score both splits."""
        return outcome_of(self.task, self.data, self.rankings)

    def counts(self) -> ExampleCounts:
        """See `harness.pipelines.procedure.Procedure`."""
        return {
            "n_train": 0, "n_train_pairs": 0, "n_documents": len(self.data.documents), "n_windowed": 0, "n_truncated": 0,
            "n_documents_truncated": 0,
        }  # fmt: skip

    def parameters(self) -> ParameterCounts:
        """None."""
        return {"params_total": 0, "params_non_embedding": 0}

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        from bm25s import tokenize

        words: list[list[str]] = (
            tokenize(list(texts), return_ids=False, show_progress=False, **self.reading) if texts else []
        )
        return words

    def _found(self, words: list[str]) -> Ranking:
        known: Any = [word for word in words if word in self.index.vocab_dict]
        if not known:
            return []
        scores, places = best(torch.from_numpy(self.index.get_scores(known))[None], FOUND)
        ranked = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(self.ids[place], score) for place, score in ranked if score > 0]
