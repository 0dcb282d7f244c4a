"""Retrieval: train a bi-encoder, embed the corpus once, and search it for every query of dev and test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.cells.cell import Cell
from harness.cells.planned import TestSet
from harness.cells.vectors import Vectors, vectors_of
from harness.engines import Choice
from harness.engines.build import build
from harness.errors import InputError
from harness.machine import distributed
from harness.machine.device import device
from harness.nn.contrastive import fit_pairs
from harness.nn.embedding import HiddenStates, embed, lower_case
from harness.nn.exact_search import search
from harness.nn.heads import width_of
from harness.nn.inference import pad
from harness.nn.late_interaction import TokenSearch
from harness.nn.training import Fit
from harness.pipelines.sampling import sample
from harness.pipelines.save_model import refuse_unsaved
from harness.pipelines.stages import (
    EVALUATED,
    Parts,
    Result,
    Stages,
    Tested,
    Trained,
    limited,
    load_encoder,
    rows_of,
    scores_of,
    training_options,
)
from harness.pipelines.test_sets import read_test_set
from harness.store.record import ExampleCounts
from models.encoder import Encoder
from models.parameters import count_parameters
from tasks.data import Split
from tasks.ranking import FOUND, Ranking, by_precedence, ranking_for
from tasks.retrieval import Retrieval
from tasks.sources.collection import Document, Query
from tasks.sources.searchable import SearchableData
from tasks.task import one_by_one

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

Embed = Callable[[Sequence[str], str], tuple[NDArray[np.float32], int]]
"""Takes texts and the name to show progress under; gives their vectors and how many texts were cut."""
Ranked = tuple[dict[Split, list[Ranking]], int]
"""The best documents for every query of dev and test, and how many documents were cut."""
Rank = Callable[[Retrieval, SearchableData], Ranked]
"""Ranks the documents of a collection."""


def dense_retrieval(cell: Cell, parts: Parts[Encoder, Retrieval], stage: Stages) -> Result | None:
    """Train the encoder on pairs of queries and documents, if the recipe trains, and rank the documents by vectors.

    Test sets are read before the training, to check them, and again one by one after it, because corpora fill the memory.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    with stage("load"):
        by = vectors_of(parts.weights, parts.task.head, parts.task.options)
        task, data = _with_declared_prompts(cell, parts.task, by)
        if parts.keep_model:
            refuse_unsaved(by)
        model, tokenizer, limit = load_encoder(cell, parts)
        as_loaded = deepcopy(tokenizer)
        if by.lower:
            lower_case(tokenizer)
        refuse_wider(by.truncate_dim, width_of(model) * len(by.pooling))
        # Training compares by cosines, whatever the checkpoint declares.
        by = replace(by, unit=by.unit or cell.recipe.trains)
        for test in parts.tests:
            read_test_set(test, cell, data)
    with stage("encode"):
        train = sample(data.splits["train"], cell.recipe.train_limit) if cell.recipe.trains else []
        pairs = training_examples(task, data, train)
        if cell.recipe.trains and not pairs:
            raise InputError(f"{cell.task} has no query to train on; --epochs 0 scores the weights as they are")
    with stage("fit"):
        options = training_options(cell, parts, stage)
        done = fit_pairs(model, tokenizer, pairs, options, by) if pairs else Fit(0, [])
    if not distributed.is_first():
        return None
    parameters = count_parameters(model)
    with stage("predict"):
        if parts.choice != Choice():
            length = cell.recipe.max_length
            longest = tokenizer(["a text " * length] * 2, truncation=True, max_length=length)
            model = build(model, pad(one_by_one(longest), tokenizer), parts.choice).module
        rank = _ranking(model, tokenizer, cell, by, stage)
        rankings, n_cut = rank(task, data)
        tests = [_tested(test, cell, data, len(train), rank, by) for test in parts.tests]
    with stage("score"):
        scores, rows = scores_of(task, data, rankings), rows_of(task, data, rankings)
    return Result(
        data,
        scores,
        rows,
        counts={**_counts(len(train), data, n_cut), "n_train_pairs": len(pairs)},
        parameters=parameters,
        fit=done,
        tests=tests,
        trained=Trained(model, as_loaded, (), limit, by, task.prompts) if parts.keep_model else None,
    )


def _counts(n_train: int, data: SearchableData, n_cut: int) -> ExampleCounts:
    return {
        "n_train": n_train,
        "n_documents": len(data.documents),
        "n_windowed": 0,
        "n_truncated": 0,
        "n_documents_truncated": n_cut,
    }


def _ranking(model: nn.Module, tokenizer: PreTrainedTokenizerBase, cell: Cell, by: Vectors, stage: Stages) -> Rank:
    def rank(task: Retrieval, data: SearchableData) -> Ranked:
        if by.each_token:
            return _rank_by_tokens(task, data, states_of(model, tokenizer, cell), stage)
        return _rank(task, data, embedder(model, tokenizer, cell, by, stage))

    return rank


def _tested(
    test: TestSet[Retrieval], cell: Cell, trained: SearchableData, n_train: int, rank: Rank, by: Vectors
) -> Tested:
    """The result on a test set; its corpus is forgotten afterwards."""
    data = read_test_set(test, cell, trained).data
    rankings, n_cut = rank(prompted(test.task, by), data)
    return Tested(test, replace(data, documents={}), rankings["test"], _counts(n_train, data, n_cut))


def _with_declared_prompts(cell: Cell, task: Retrieval, by: Vectors) -> tuple[Retrieval, SearchableData]:
    """The task with the checkpoint's prompts as prefixes, and the collection with notes on how its texts are read."""
    data = limited(task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
    return prompted(task, by), replace(data, notes=(*data.notes, *by.notes(cell.recipe.max_length)))


def prompted(task: Retrieval, by: Vectors) -> Retrieval:
    """The task with the checkpoint's prompts as prefixes."""
    prompts = {"query_prefix": by.query_prompt, "document_prefix": by.document_prompt}
    return task.configured({name: text for name, text in prompts.items() if text})


def embedder(model: nn.Module, tokenizer: PreTrainedTokenizerBase, cell: Cell, by: Vectors, stage: Stages) -> Embed:
    """The function that embeds texts as the cell's recipe says."""
    recipe = cell.recipe

    def embedded(texts: Sequence[str], shown_as: str) -> tuple[NDArray[np.float32], int]:
        return embed(model, tokenizer, texts, recipe.max_length, recipe.precision, stage.report(shown_as), by=by)

    return embedded


class VectorIndex:
    """The embeddings of a corpus.

    Args:
        documents: the corpus, by id.
        task: puts prefixes before texts.
        embedded: embeds them.

    Attributes:
        n_cut: number of documents that were cut.
    """

    def __init__(self, documents: Mapping[str, Document], task: Retrieval, embedded: Embed) -> None:
        self.ids, self.task, self.embedded = by_precedence(list(documents)), task, embedded
        self.vectors, self.n_cut = embedded([task.document_text(documents[one]) for one in self.ids], "corpus")

    def search(self, queries: Sequence[Query], shown_as: str, most: int = FOUND) -> list[Ranking]:
        """For each query the best documents, at most ``most``."""
        vectors, _ = self.embedded([self.task.query_text(query) for query in queries], shown_as)
        return named(self.ids, *search(vectors, self.vectors, most, device()))


def named(ids: Sequence[str], positions: NDArray[np.int64], scores: NDArray[np.float32]) -> list[Ranking]:
    """The rankings with the ids of documents in place of their positions; both arrays are of shape (queries, found)."""
    return [
        [(ids[place], float(score)) for place, score in zip(*row, strict=True)]
        for row in zip(positions, scores, strict=True)
    ]


def _rank(task: Retrieval, data: SearchableData, embedded: Embed) -> Ranked:
    """The best documents for every query of dev and test, and how many documents were cut."""
    index = VectorIndex(data.documents, task, embedded)
    rankings = {
        split: [
            ranking_for(query, found)
            for query, found in zip(data.splits[split], index.search(data.splits[split], split), strict=True)
        ]
        for split in EVALUATED
    }
    return rankings, index.n_cut


def states_of(model: nn.Module, tokenizer: PreTrainedTokenizerBase, cell: Cell) -> HiddenStates:
    """What reads texts as the cell's recipe says."""
    return HiddenStates(model, tokenizer, cell.recipe.max_length, cell.recipe.precision)


def _rank_by_tokens(task: Retrieval, data: SearchableData, states: HiddenStates, stage: Stages) -> Ranked:
    """The best documents by MaxSim; dev and test are searched together, so that the corpus is read once."""
    ids = by_precedence(list(data.documents))
    asked = [query for split in EVALUATED for query in data.splits[split]]
    search = TokenSearch(states, stage.report("corpus"))
    positions, scores = search(
        [task.query_text(query) for query in asked], [task.document_text(data.documents[one]) for one in ids], FOUND
    )
    ranked = iter(ranking_for(query, found) for query, found in zip(asked, named(ids, positions, scores), strict=True))
    return {split: [next(ranked) for _ in data.splits[split]] for split in EVALUATED}, search.n_cut


def refuse_wider(dim: int | None, width: int) -> None:
    """Refuse to cut vectors to more values than they have.

    Raises:
        InputError: ``dim`` is greater than ``width``.
    """
    if dim is not None and dim > width:
        raise InputError(
            f"truncate_dim is {dim}, but the vectors of these weights have {width} values; give {width} or less"
        )


def training_examples(task: Retrieval, data: SearchableData, queries: Sequence[Query]) -> list[tuple[str, ...]]:
    """Pair each query with each of its relevant documents and, if the data has hard negatives for any query, with one.

    The relevant documents of a query get its negatives in turn. A query without negatives gets a document drawn from the corpus
    without a judgement for it; it is left out if there is no such document. A document that a query skips is not used for it.
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
    """The documents that are judged not relevant to the query."""
    named = [*query.negatives, *(one for one, grade in query.judgements.items() if grade == 0)]
    return [one for one in named if not query.skips(one)]


def _drawn(query: Query, ids: Sequence[str], generator: np.random.Generator) -> str:
    """A document without a judgement for the query."""
    while True:
        drawn = ids[int(generator.integers(len(ids)))]
        if drawn not in query.judgements and not query.skips(drawn):
            return drawn
