"""Retrieval: train a bi-encoder, embed the whole corpus once, search it for every query of dev and test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.cells.cell import Cell
from harness.cells.vectors import vectors_of
from harness.errors import InputError
from harness.machine.device import device
from harness.nn.contrastive import fit_pairs
from harness.nn.embedding import embed, lower_case
from harness.nn.exact_search import search
from harness.nn.training import Fit
from harness.pipelines.procedure import EVALUATED, Outcome, outcome_of, sample
from harness.progress import Reporter, with_loss
from harness.store.record import ExampleCounts
from models import loading
from models.encoder import Encoder, refuse_longer
from models.parameters import ParameterCounts, count_parameters
from tasks.ranking import FOUND, Ranking, by_precedence, ranking_for
from tasks.retrieval import Retrieval, SearchableData
from tasks.sources.collection import Query
from tasks.task import Split


class DenseSearch:
    """See `harness.pipelines.procedure.Procedure`: queries and documents as embeddings of one encoder.

    Args:
        cell: what to run; everything in it is resolved.
        encoder: the cell's encoder.
        weights: the cell's weights.
        task: the cell's task.
    """

    def __init__(self, cell: Cell, encoder: Encoder, weights: loading.Weights, task: Retrieval) -> None:
        self.cell, self.encoder, self.weights, self.task = cell, encoder, weights, task
        self.examples: list[tuple[str, ...]] = []

    def load(self) -> SearchableData:
        """Read the collection and the weights."""
        cell = self.cell
        self.by = vectors_of(self.weights, self.task.head, self.task.options)
        data = self.task.load(cell.task.partition("/")[2], cell.data_dir, cell.skip_bad)
        self.data = replace(data, notes=(*data.notes, *self.by.notes(cell.recipe.max_length)))
        prompts = {"query_prefix": self.by.query_prompt, "document_prefix": self.by.document_prompt}
        self.task = self.task.configured({name: text for name, text in prompts.items() if text})
        # Training compares by cosines, whatever was declared.
        self.by = replace(self.by, unit=self.by.unit or cell.recipe.trains)
        model, self.tokenizer = loading.load(self.encoder, cell.size, self.weights)
        refuse_longer(cell.model, cell.recipe.max_length, loading.max_length(model, self.encoder, cell.size))
        self.model = model.to(device())
        if self.by.lower:
            lower_case(self.tokenizer)
        return self.data

    def encode(self) -> None:
        """Pair the queries of train with their documents; text becomes tokens batch by batch, later."""
        self.train: Sequence[Query] = ()
        if self.cell.recipe.trains:
            self.train = sample(self.data.splits["train"], self.cell.recipe.train_limit)
            self.examples = training_examples(self.task, self.data, self.train)
            if not self.examples:
                raise InputError(
                    f"{self.cell.task} has no query to train on; --epochs 0 scores the weights as they are"
                )

    def fit(self, report: Reporter, checkpoints: Path | None, curves: Path | None) -> Fit:
        """Train the encoder, or leave it as it is."""
        if not self.examples:
            return Fit(0, [])
        return fit_pairs(
            self.model, self.tokenizer, self.examples, self.cell.recipe, self.cell.seed,
            with_loss(report("fit")), checkpoints, curves=curves, pooling=self.by.pooling,
        )  # fmt: skip

    def predict(self, report: Reporter) -> None:
        """Embed the corpus once, and rank it for every query."""
        ids = by_precedence(list(self.data.documents))
        documents, self.n_cut = self._embed(
            [self.task.document_text(self.data.documents[one]) for one in ids], report("corpus")
        )
        self.rankings: dict[Split, list[Ranking]] = {}
        for split in EVALUATED:
            texts = [self.task.query_text(query) for query in self.data.splits[split]]
            queries, _ = self._embed(texts, report(split))
            positions, scores = search(queries, documents, FOUND, device())
            self.rankings[split] = [
                ranking_for(query, [(ids[place], float(score)) for place, score in zip(*row, strict=True)])
                for query, *row in zip(self.data.splits[split], positions, scores, strict=True)
            ]

    def score(self) -> Outcome:
        """Score both splits."""
        return outcome_of(self.task, self.data, self.rankings)

    def counts(self) -> ExampleCounts:
        """See `harness.pipelines.procedure.Procedure`; what is cut are documents."""
        return {
            "n_train": len(self.train), "n_train_pairs": len(self.examples), "n_documents": len(self.data.documents),
            "n_windowed": 0, "n_truncated": 0, "n_documents_truncated": self.n_cut,
        }  # fmt: skip

    def parameters(self) -> ParameterCounts:
        """Those of the encoder; there is no head."""
        return count_parameters(self.model)

    def _embed(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> tuple[np.ndarray, int]:
        recipe = self.cell.recipe
        return embed(
            self.model, self.tokenizer, texts, recipe.max_length, recipe.precision, progress, by=self.by
        )  # fmt: skip


def training_examples(task: Retrieval, data: SearchableData, queries: Sequence[Query]) -> list[tuple[str, ...]]:
    """Every query with each of its relevant documents and, where the data names any for one of the queries, a hard negative.

    Of several negatives each relevant document gets another. A query without any gets a document drawn from the corpus, which is
    a negative as those of the batch are; it is left out where every document is relevant to it. The document that a query skips
    is neither.
    """
    negatives = [_negatives(query) for query in queries]
    hard = any(negatives)
    ids = list(data.documents) if hard else []
    generator = np.random.default_rng(0)
    examples: list[tuple[str, ...]] = []
    for query, named in zip(queries, negatives, strict=True):
        if hard and not named and all(one in query.judgements or query.skips(one) for one in ids):
            continue
        for place, relevant in enumerate(one for one in query.relevant if not query.skips(one)):
            texts = [task.query_text(query), task.document_text(data.documents[relevant])]
            if hard:
                drawn = named[place % len(named)] if named else _drawn(query, ids, generator)
                texts.append(task.document_text(data.documents[drawn]))
            examples.append(tuple(texts))
    return examples


def _negatives(query: Query) -> list[str]:
    """The documents that the data names as not relevant to the query."""
    named = [*query.negatives, *(one for one, grade in query.judgements.items() if grade == 0)]
    return [one for one in named if not query.skips(one)]


def _drawn(query: Query, ids: Sequence[str], generator: np.random.Generator) -> str:
    """A document that nobody judged for the query."""
    while True:
        drawn = ids[int(generator.integers(len(ids)))]
        if drawn not in query.judgements and not query.skips(drawn):
            return drawn
