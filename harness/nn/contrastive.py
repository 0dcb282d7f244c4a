"""Train bi-encoders with sentence-transformers: a query moves towards its document and away from those of other queries.

The loss is multiple negatives ranking (Henderson et al., 2017): the softmax over the documents of a batch, by cosine similarity
times 20, or by the sum of every query token's best cosine (MaxSim; Khattab and Zaharia, 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.cells.vectors import PLAIN, Vectors
from harness.errors import InputError
from harness.machine import distributed
from harness.nn.heads import width_of
from harness.nn.training import Fit, TrainingOptions, train_with

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder, SentenceTransformer
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

    from harness.nn.pair_trainer import HiddenStatesModule

    hidden_states = HiddenStatesModule(encoder, tokenizer, max_length)
    return SentenceTransformer(
        modules=[hidden_states, Pooling(width_of(encoder), pooling_mode=pooling), Normalize()],
        device=str(next(encoder.parameters()).device),
    )


def multi_vector_encoder(
    encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> MultiVectorEncoder:
    """The encoder with a vector of unit length for every token, as a model of sentence-transformers; the weights are shared.

    There is no projection to fewer values, because it would begin at random: weights could not be scored untrained.
    """
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Normalize

    from harness.nn.pair_trainer import HiddenStatesModule

    hidden_states = HiddenStatesModule(encoder, tokenizer, max_length)
    return MultiVectorEncoder(
        modules=[hidden_states, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        device=str(next(encoder.parameters()).device),
    )


def fit_pairs(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[tuple[str, ...]],
    options: TrainingOptions,
    by: Vectors = PLAIN,
) -> Fit:
    """Train the encoder in place.

    No batch holds a text twice, since a query would be pushed away from its own document.

    Args:
        encoder: a bare `transformers` model.
        tokenizer: a fast one.
        examples: a query, a relevant document and, in all of them or in none, a document that is not relevant.
        options: how to train.
        by: how texts become vectors.

    Raises:
        InputError: there are several processes, whose batches would have other negatives than one process has.
        DivergedError: the loss became infinite or not a number.
    """
    from datasets import Dataset

    if distributed.processes() > 1:
        raise InputError(
            "retrieval is trained in one process, since the documents of a batch are each other's negatives"
        )
    columns = ("query", "positive", "negative")[: len(examples[0])]
    dataset = Dataset.from_dict({name: [one[place] for one in examples] for place, name in enumerate(columns)})
    kind = _multi_vector if by.each_token else _single_vector
    trainer, arguments_class = kind(encoder, tokenizer, options, by)
    return train_with(
        lambda arguments: trainer(args=arguments, train_dataset=dataset),
        partial(arguments_class, batch_sampler="no_duplicates"),
        options,
        options.recipe.steps(len(examples)),
    )


Kind = tuple[Callable[..., "Trainer"], Callable[..., "TrainingArguments"]]
"""Makes a Trainer of its arguments and examples; the class of these arguments."""


def _single_vector(
    encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, options: TrainingOptions, by: Vectors
) -> Kind:
    from sentence_transformers import SentenceTransformerTrainingArguments

    from harness.nn.pair_trainer import PairTrainer

    recipe = options.recipe
    model = sentence_transformer(encoder, tokenizer, recipe.max_length, by.pooling)
    loss = _loss(model, recipe.batch_size)
    if by.truncate_dim is not None:
        loss = _also_truncated(model, loss, by.truncate_dim)
    return partial(PairTrainer, model=model, loss=loss), SentenceTransformerTrainingArguments


def _multi_vector(
    encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, options: TrainingOptions, by: Vectors
) -> Kind:
    from sentence_transformers import MultiVectorEncoderTrainingArguments
    from sentence_transformers.multi_vector_encoder.losses import (
        CachedMultiVectorMultipleNegativesRankingLoss,
        MultiVectorMultipleNegativesRankingLoss,
    )

    from harness.nn.pair_trainer import MultiVectorTrainer

    model = multi_vector_encoder(encoder, tokenizer, options.recipe.max_length)
    if options.recipe.batch_size > CACHED_ABOVE:
        loss: nn.Module = CachedMultiVectorMultipleNegativesRankingLoss(model, mini_batch_size=PART)
    else:
        loss = MultiVectorMultipleNegativesRankingLoss(model)
    return partial(MultiVectorTrainer, model=model, loss=loss), MultiVectorEncoderTrainingArguments


def _also_truncated(model: SentenceTransformer, loss: nn.Module, dim: int) -> nn.Module:
    """The sum of the loss of whole vectors and that of truncated ones (Kusupati et al., 2022)."""
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    width = model.get_embedding_dimension()
    combined: nn.Module = MatryoshkaLoss(model, loss, sorted({width, dim}, reverse=True))
    return combined


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
