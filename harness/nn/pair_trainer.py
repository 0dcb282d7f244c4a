"""An encoder as a model of sentence-transformers, and the trainer of such models. Importing it imports sentence-transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load_model, save_model
from sentence_transformers import MultiVectorEncoderTrainer, SentenceTransformerTrainer
from sentence_transformers.base.modules import InputModule
from torch import Tensor, nn

from harness.nn.inference import pad
from tasks.beginning import beginning
from tasks.task import one_by_one

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

WEIGHTS = "weights.safetensors"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class HiddenStatesModule(InputModule):
    """The first module of a sentence-transformer: from texts to the encoder's last hidden state.

    Args:
        encoder: a bare `transformers` model; the weights are shared.
        tokenizer: a fast one.
        max_length: tokens of a text to read, including special tokens.
    """

    def __init__(self, encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        super().__init__()
        self.encoder: nn.Module = encoder
        self.tokenizer, self._max_length = tokenizer, max_length

    @property
    def max_seq_length(self) -> int:
        """Tokens that are read of a text, under the name that sentence-transformers uses."""
        return self._max_length

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **others: object) -> dict[str, Tensor]:
        """A padded batch of the texts, each after the prompt."""
        texts = [beginning((prompt or "") + text, self.tokenizer, self._max_length) for text in inputs]
        tokenised = self.tokenizer(texts, truncation=True, max_length=self._max_length, verbose=False)
        return pad(one_by_one(tokenised), self.tokenizer)

    def forward(self, features: dict[str, Tensor], **others: object) -> dict[str, Tensor]:
        """The features with ``token_embeddings`` of shape (batch, length, width), in float32."""
        inputs = {name: features[name] for name in INPUTS if name in features}
        return features | {"token_embeddings": self.encoder(**inputs).last_hidden_state.float()}

    def save(self, output_path: str, *others: object, **options: object) -> None:
        """Save encoder and tokenizer as `transformers` does."""
        self.encoder.save_pretrained(output_path)  # type: ignore[operator]
        self.tokenizer.save_pretrained(output_path)


class _OwnCheckpoints:
    """Saves only the weights in checkpoints, because the rest of the model is at hand."""

    model: nn.Module
    args: TrainingArguments

    def add_model_card_callback(self, default_args_dict: Mapping[str, object]) -> None:
        """Add none: no model card is written."""

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / WEIGHTS))

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        load_model(self.model, str(Path(checkpoint_path) / WEIGHTS))


class PairTrainer(_OwnCheckpoints, SentenceTransformerTrainer):
    """Trains one vector for each text."""


class MultiVectorTrainer(_OwnCheckpoints, MultiVectorEncoderTrainer):
    """Trains one vector for each token."""
