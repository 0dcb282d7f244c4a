"""Reranking: train a cross-encoder on pairs of a query and a document, and score the candidates of every query with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.cells.candidates import first_stage
from harness.cells.cell import Cell
from harness.errors import InputError
from harness.machine import distributed, memory
from harness.machine.device import device
from harness.nn.embedding import EMBEDDED_TOKENS_PER_BATCH
from harness.nn.heads import with_head
from harness.nn.inference import predict
from harness.nn.training import fit
from harness.pipelines.first_stage import Words, candidates
from harness.pipelines.sampling import sample
from harness.pipelines.stages import (
    EVALUATED,
    Parts,
    Result,
    Stages,
    limited,
    load_encoder,
    rows_of,
    scores_of,
    training_options,
)
from models.encoder import Encoder
from models.parameters import count_parameters
from tasks.classification import encode_texts
from tasks.data import Split
from tasks.ranking import Ranking
from tasks.rerank import Rerank, Reranked
from tasks.sources.collection import Query
from tasks.sources.labelled_text import LabelledText
from tasks.sources.searchable import SearchableData
from tasks.task import Encoded

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

QUERIES_AT_ONCE = 32
"""Queries whose pairs are tokenised together; more would only take memory."""
NOT_RELEVANT, RELEVANT = LABELS = ("0", "1")


def rerank(cell: Cell, parts: Parts[Encoder, Rerank], stage: Stages) -> Result | None:
    """Train encoder and head together, then put the candidates of every query of dev and test into a new order.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data, candidates or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    task, recipe = parts.task, cell.recipe
    with stage("load"):
        data = limited(task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
        if not data.splits["train"]:
            raise InputError(f"{cell.task} has no query to train on, and the head of a cross-encoder begins at random")
        encoder, tokenizer, _ = load_encoder(cell, parts)
        model = with_head(task.head, encoder, 1).to(device())
    with stage("encode"):
        words = Words(data, task.depth)
        found, notes = candidates(first_stage(task.options["candidates"]), task, data, words, cell, stage)
        train = sample(data.splits["train"], recipe.train_limit)
        pairs = training_pairs(task, data, train, words.search(train))
        read = Reader(task, data, tokenizer, recipe.max_length)
        features = read(pairs).features
    with stage("fit"):
        done = fit(model, features, tokenizer, training_options(cell, parts, stage))
    if not distributed.is_first():
        return None
    with stage("predict"):
        scorer = PairScorer(model, read, recipe.precision)
        reranked: dict[Split, list[Reranked]] = {
            split: scorer.rerank(data.splits[split], found[split], stage.report(split)) for split in EVALUATED
        }
    with stage("score"):
        scores, rows = scores_of(task, data, reranked), rows_of(task, data, reranked)
    return Result(
        replace(data, notes=(*data.notes, *notes)),
        scores,
        rows,
        counts={
            "n_train": len(train),
            "n_train_pairs": len(pairs),
            "n_documents": len(data.documents),
            "n_pairs": sum(len(ranking) for split in EVALUATED for ranking in found[split]),
            "n_pairs_truncated": scorer.n_cut,
        },
        parameters=count_parameters(encoder),
        fit=done,
    )


@dataclass(frozen=True)
class Pair:
    """A query and the id of a document; the label is `RELEVANT` or `NOT_RELEVANT`."""

    query: Query
    document: str
    label: str = NOT_RELEVANT


def training_pairs(
    task: Rerank, data: SearchableData, queries: Sequence[Query], by_words: Iterable[Ranking]
) -> list[Pair]:
    """Each query with all of its relevant documents and with others that BM25 ranks high, drawn the same for every model and seed.

    Args:
        task: decides how many documents are drawn for each relevant one; a query gets fewer if BM25 finds fewer.
        data: the collection.
        queries: those to train on.
        by_words: for each query the best documents of BM25.

    Raises:
        InputError: BM25 finds no other document for any query.
    """
    generator = np.random.default_rng(0)
    pairs: list[Pair] = []
    for query, ranking in zip(queries, by_words, strict=True):
        relevant = [one for one in query.relevant if not query.skips(one)]
        others = [document for document, _ in ranking if document not in relevant]
        wanted = min(task.negatives * len(relevant), len(others))
        drawn: Sequence[int] = generator.choice(len(others), size=wanted, replace=False).tolist() if wanted else []
        pairs += [Pair(query, one, RELEVANT) for one in relevant]
        pairs += [Pair(query, others[place]) for place in sorted(drawn)]
    if all(pair.label == RELEVANT for pair in pairs):
        raise InputError(
            f"BM25 finds no document in {data.origin} that is not relevant to a query of train, so there is nothing to tell apart"
        )
    return pairs


class Reader:
    """Makes model inputs of pairs; of a pair that is too long, the longer text is cut, as sentence-transformers does.

    Args:
        task: puts prefixes before texts.
        data: the collection.
        tokenizer: a fast one.
        max_length: tokens of a pair to read, including special tokens.
    """

    def __init__(self, task: Rerank, data: SearchableData, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.task, self.documents, self.tokenizer, self.max_length = task, data.documents, tokenizer, max_length

    def __call__(self, pairs: Sequence[Pair]) -> Encoded:
        """The inputs with their labels; ``n_truncated`` counts the pairs that were cut."""
        texts = [
            LabelledText(
                self.task.query_text(pair.query), self.task.document_text(self.documents[pair.document]), pair.label, ""
            )
            for pair in pairs
        ]
        return encode_texts(texts, self.tokenizer, self.max_length, lambda one: LABELS.index(one.label))


class PairScorer:
    """Scores candidates with a cross-encoder.

    Args:
        model: an encoder with the head for pairs.
        read: makes its inputs.
        precision: ``fp32`` or ``bf16``.

    Attributes:
        n_cut: number of pairs so far that were cut.
    """

    def __init__(self, model: nn.Module, read: Reader, precision: str) -> None:
        self.model, self.read, self.precision = model, read, precision
        self.n_cut = 0

    def rerank(
        self, queries: Sequence[Query], found: Sequence[Ranking], progress: Callable[[int, int], None]
    ) -> list[Reranked]:
        """The candidates of each query by descending score; of equal scores the greater id comes first, as in trec_eval."""
        reranked: list[Reranked] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            some = list(zip(queries, found, strict=True))[start : start + QUERIES_AT_ONCE]
            scores = iter(self._scores([Pair(query, one) for query, ranking in some for one, _ in ranking]))
            for _, ranking in some:
                scored = [(document, next(scores)) for document, _ in ranking]
                scored.sort(key=lambda item: (item[1], item[0]), reverse=True)
                reranked.append(Reranked(scored, ranking))
            progress(len(reranked), len(queries))
            memory.give_back()
        return reranked

    def _scores(self, pairs: Sequence[Pair]) -> list[float]:
        if not pairs:
            return []
        encoded = self.read(pairs)
        self.n_cut += encoded.n_truncated
        logits = predict(
            self.model, encoded.features, self.read.tokenizer, self.precision, tokens=EMBEDDED_TOKENS_PER_BATCH
        )
        return [float(one[0]) for one in logits]
