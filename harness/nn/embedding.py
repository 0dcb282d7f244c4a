"""Embeddings: one vector per text, pooled from the encoder's last hidden state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.cells.vectors import PLAIN, Vectors
from harness.machine import memory
from harness.nn.heads import width_of
from harness.nn.inference import autocast, batches_by_tokens, pad
from harness.nn.packed import packed
from models.pooling import mean_pool
from tasks.beginning import beginning
from tasks.task import Feature, one_by_one

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS_AT_ONCE = 1024
"""Tokenised together; more would only take memory."""
EMBEDDED_TOKENS_PER_BATCH = 2048
"""More is no faster on a processor, and takes more memory: on NPL MiniLM needs 235 MiB besides its embeddings."""


@dataclass
class HiddenStates:
    """Runs an encoder over texts: the longest first, in batches within a budget of tokens.

    Little is padding, and a lack of memory shows early.

    Attributes:
        encoder: a bare `transformers` model; it is put into evaluation mode.
        tokenizer: a fast one.
        max_length: tokens of a text to read, including special tokens.
        precision: ``fp32`` or ``bf16``.
        n_cut: number of texts so far that were cut at ``max_length``.
    """

    encoder: nn.Module
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    precision: str
    n_cut: int = 0

    def of(
        self, texts: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Batch by batch the places of its texts, their last hidden states (batch, length, width) and the attention mask.

        Args:
            texts: any number; an empty text has the special tokens.
            progress: called with the number of texts done and in all.
        """
        self.encoder.eval()
        device = next(self.encoder.parameters(), torch.empty(0)).device  # an exported engine has no parameters
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        done = 0
        with packed(self.encoder, self.precision):
            for start in range(0, len(order), TEXTS_AT_ONCE):
                some = order[start : start + TEXTS_AT_ONCE]
                features = self._features([texts[index] for index in some])
                # Rounded up to the padded length: oneDNN keeps compiled code in memory for every shape of a batch.
                lengths = [-(-len(feature["input_ids"]) // 8) * 8 for feature in features]
                for chosen in batches_by_tokens(lengths, EMBEDDED_TOKENS_PER_BATCH):
                    padded = pad([features[one] for one in chosen], self.tokenizer)
                    batch = {name: tensor.to(device) for name, tensor in padded.items()}
                    with torch.inference_mode(), autocast(device, self.precision):
                        hidden = self.encoder(**batch).last_hidden_state
                    yield [some[one] for one in chosen], hidden.float(), batch["attention_mask"]
                    done += len(chosen)
                    progress(done, len(texts))
                memory.give_back()  # batches of many sizes leave holes in glibc's heap, which grow to a gibibyte

    def _features(self, texts: Sequence[str]) -> list[Feature]:
        read = [beginning(text, self.tokenizer, self.max_length) for text in texts]
        tokenised = self.tokenizer(read, truncation=True, max_length=self.max_length, verbose=False)
        self.n_cut += sum(bool(encoding.overflowing) for encoding in tokenised.encodings)
        return one_by_one(tokenised)


@torch.inference_mode()
def embed(
    encoder: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    max_length: int,
    precision: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    by: Vectors = PLAIN,
) -> tuple[NDArray[np.float32], int]:
    """The embeddings of texts, in the order given.

    Args:
        encoder, tokenizer, max_length, precision: see `HiddenStates`.
        texts, progress: see `HiddenStates.of`.
        by: the pooling, the length and the scale of the vectors. Prompts must be in the texts already; lower case is the
            tokenizer's.

    Returns:
        Vectors of shape (texts, poolings times width, or ``truncate_dim``), and how many texts were cut at ``max_length``.
    """
    pool, width = pooler(encoder, by.pooling), by.truncate_dim or width_of(encoder) * len(by.pooling)
    vectors = np.empty((len(texts), width), np.float32)
    states = HiddenStates(encoder, tokenizer, max_length, precision)
    for places, hidden, mask in states.of(texts, progress):
        pooled = pool(hidden, mask)[:, :width]
        scaled = nn.functional.normalize(pooled, dim=-1) if by.unit else pooled
        vectors[places] = scaled.cpu().numpy()
    return vectors, states.n_cut


def pooler(encoder: nn.Module, pooling: tuple[str, ...]) -> Callable[[Tensor, Tensor], Tensor]:
    """The function from hidden states (batch, length, width) and the attention mask (batch, length) to one vector per text."""
    if pooling == ("mean",):
        return mean_pool  # importing sentence-transformers takes seconds
    from sentence_transformers.sentence_transformer.modules import Pooling

    module = Pooling(width_of(encoder), pooling)

    def pool(hidden: Tensor, mask: Tensor) -> Tensor:
        vectors: Tensor = module({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]
        return vectors

    return pool


def lower_case(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make a fast tokenizer convert texts to lower case first, as sentence-transformers does for ``do_lower_case``."""
    from tokenizers.normalizers import Lowercase, Sequence

    backend = tokenizer.backend_tokenizer
    backend.normalizer = Sequence([Lowercase(), *([backend.normalizer] if backend.normalizer else [])])
