"""Train bi-encoders with sentence-transformers: a query moves towards its document and away from those of other queries.

The loss is multiple negatives ranking (Henderson et al., 2017): the softmax over the documents of a batch, by cosine similarity
times 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.machine import distributed
from harness.nn.heads import width_of
from harness.nn.training import Fit, TrainingOptions, train_with

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainingArguments

SCALE = 20.0
"""One over the temperature, as in sentence-transformers."""
CACHED_ABOVE = 128
"""Larger batches are embedded in parts whose gradients are cached (Gao et al., 2021): the same loss in the memory of a part."""
PART = 32


def sentence_transformer(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    pooling: tuple[str, ...] = ("mean",),
) -> SentenceTransformer:
    """The encoder with this pooling and unit length, as a model of sentence-transformers; the weights are shared."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    from harness.nn.pair_trainer import HiddenStates

    hidden_states = HiddenStates(encoder, tokenizer, max_length)
    return SentenceTransformer(
        modules=[hidden_states, Pooling(width_of(encoder), pooling_mode=pooling), Normalize()],
        device=str(next(encoder.parameters()).device),
    )


def fit_pairs(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[tuple[str, ...]],
    options: TrainingOptions,
    pooling: tuple[str, ...] = ("mean",),
) -> Fit:
    """Train the encoder in place.

    No batch holds a text twice, since a query would be pushed away from its own document.

    Args:
        encoder: a bare `transformers` model.
        tokenizer: a fast one.
        examples: a query, a relevant document and, in all of them or in none, a document that is not relevant.
        options: how to train.
        pooling: see `harness.cells.vectors.Vectors`.

    Raises:
        InputError: there are several processes, whose batches would have other negatives than one process has.
        DivergedError: the loss became infinite or not a number.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainingArguments

    from harness.nn.pair_trainer import PairTrainer

    if distributed.processes() > 1:
        raise InputError(
            "retrieval is trained in one process, since the documents of a batch are each other's negatives"
        )
    model = sentence_transformer(encoder, tokenizer, options.recipe.max_length, pooling)
    columns = ("query", "positive", "negative")[: len(examples[0])]
    dataset = Dataset.from_dict({name: [one[place] for one in examples] for place, name in enumerate(columns)})
    loss = _loss(model, options.recipe.batch_size)

    def trainer(arguments: TrainingArguments) -> Trainer:
        return PairTrainer(model=model, args=arguments, train_dataset=dataset, loss=loss)

    arguments_class = partial(SentenceTransformerTrainingArguments, batch_sampler="no_duplicates")
    return train_with(trainer, arguments_class, options, options.recipe.steps(len(examples)))


def _loss(model: SentenceTransformer, batch_size: int) -> nn.Module:
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )

    loss: nn.Module
    if batch_size > CACHED_ABOVE:
        loss = CachedMultipleNegativesRankingLoss(model, scale=SCALE, mini_batch_size=PART)
    else:
        loss = MultipleNegativesRankingLoss(model, scale=SCALE)
    return loss
