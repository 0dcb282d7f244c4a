"""Training of bi-encoders by sentence-transformers: a query next to its document, and away from those of other queries.

Multiple negatives ranking (Henderson et al., 2017): the softmax over the documents of a batch, by cosine similarity times 20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from harness.cells.recipe import Recipe
from harness.errors import InputError
from harness.machine import distributed
from harness.nn.heads import width_of
from harness.nn.inference import pad
from harness.nn.training import CHECKPOINT_INTERVAL_S, Fit, train_by
from tasks.beginning import beginning
from tasks.task import one_by_one

SCALE = 20.0
"""One over the temperature, as in sentence-transformers."""
CACHED_ABOVE = 128
"""Larger batches are embedded in parts whose gradients are cached (Gao et al., 2021): the same loss in the memory of a part."""
PART = 32
WEIGHTS = "weights.safetensors"


def sentence_transformer(encoder: Any, tokenizer: Any, max_length: int, pooling: tuple[str, ...] = ("mean",)) -> Any:
    """The encoder with this pooling and unit length, as a model of sentence-transformers; the weights are shared."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import InputModule
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    class Tokens(InputModule):
        """Texts to the encoder's last hidden state."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.tokenizer = encoder, tokenizer

        @property
        def max_seq_length(self) -> int:
            return max_length

        def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **others: Any) -> dict[str, Any]:
            texts = [beginning((prompt or "") + text, tokenizer, max_length) for text in inputs]
            tokenised = tokenizer(texts, truncation=True, max_length=max_length, verbose=False)
            return pad(one_by_one(tokenised), tokenizer)

        def forward(self, features: dict[str, Any], **others: Any) -> dict[str, Any]:
            inputs = {
                name: features[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in features
            }
            return features | {"token_embeddings": self.encoder(**inputs).last_hidden_state.float()}

        def save(self, output_path: str, *others: Any, **options: Any) -> None:
            self.encoder.save_pretrained(output_path)
            self.tokenizer.save_pretrained(output_path)

    device = next(encoder.parameters()).device
    return SentenceTransformer(
        modules=[Tokens(), Pooling(width_of(encoder), pooling_mode=pooling), Normalize()], device=str(device)
    )


def fit_pairs(
    encoder: nn.Module,
    tokenizer: Any,
    examples: Sequence[tuple[str, ...]],
    recipe: Recipe,
    seed: int,
    progress: Callable[[int, int, float | None], None] = lambda step, steps, loss: None,
    checkpoints: Path | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
    curves: Path | None = None,
    pooling: tuple[str, ...] = ("mean",),
) -> Fit:
    """Train the encoder in place.

    Args:
        encoder: a bare `transformers` model.
        tokenizer: a fast one.
        examples: a query, a relevant document and, in all of them or in none, a document that is not relevant.
        recipe: how to train; no batch holds a text twice, since a query would be pushed away from its own document.
        seed: of the order of examples and of dropout.
        progress, checkpoints, checkpoint_interval_s, curves: see `harness.nn.training.fit`.
        pooling: see `harness.cells.vectors.Vectors`.

    Raises:
        InputError: there are several processes, whose batches would have other negatives than one process has.
        DivergedError: the loss became infinite or not a number.
    """
    from datasets import Dataset
    from safetensors.torch import load_model, save_model
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )

    if distributed.processes() > 1:
        raise InputError(
            "retrieval is trained in one process, since the documents of a batch are each other's negatives"
        )
    model = sentence_transformer(encoder, tokenizer, recipe.max_length, pooling)
    if recipe.batch_size > CACHED_ABOVE:
        loss = CachedMultipleNegativesRankingLoss(model, scale=SCALE, mini_batch_size=PART)
    else:
        loss = MultipleNegativesRankingLoss(model, scale=SCALE)
    columns = ("query", "positive", "negative")[: len(examples[0])]
    dataset = Dataset.from_dict({name: [one[place] for one in examples] for place, name in enumerate(columns)})
    steps = recipe.steps(len(examples))

    class Resumable(SentenceTransformerTrainer):
        """Checkpoints hold the weights alone: the model that they belong to is at hand."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """No model card is written, so nothing is collected for one."""

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            save_model(self.model, str(folder / WEIGHTS))

        def _load_from_checkpoint(self, checkpoint_path: str) -> None:
            load_model(self.model, str(Path(checkpoint_path) / WEIGHTS))

    def trainer(arguments: Any) -> Any:
        return Resumable(model=model, args=arguments, train_dataset=dataset, loss=loss)

    arguments_class = partial(SentenceTransformerTrainingArguments, batch_sampler="no_duplicates")
    return train_by(trainer, arguments_class, steps, recipe, seed, progress, checkpoints, checkpoint_interval_s, curves)
