"""Embeddings: one vector per text, pooled from the encoder's last hidden state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from tasks.task import one_by_one

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS_AT_ONCE = 1024
"""Tokenised together; more would only take memory."""
TOKENS_A_BATCH = 2048
"""More is no faster on a processor, and takes more memory: on NPL MiniLM needs 235 MiB besides its embeddings."""


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

    The longest texts come first, in batches within a budget of tokens: little is padding, and a lack of memory shows early.

    Args:
        encoder: a bare `transformers` model; it is put into evaluation mode.
        tokenizer: a fast one.
        texts: any number; an empty text has the embedding of the special tokens.
        max_length: tokens of a text to read, including special tokens.
        precision: ``fp32`` or ``bf16``.
        progress: called with the number of texts done and in all.
        by: the pooling and the scale of the vectors. Prompts must be in the texts already; lower case is the tokenizer's.

    Returns:
        Vectors of shape (texts, poolings times width), and how many texts were cut at ``max_length``.
    """
    encoder.eval()
    device = next(encoder.parameters()).device
    pool, width = pooler(encoder, by.pooling), width_of(encoder) * len(by.pooling)
    vectors = np.empty((len(texts), width), np.float32)
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    n_cut = done = 0
    with packed(encoder, precision):
        for start in range(0, len(order), TEXTS_AT_ONCE):
            some = order[start : start + TEXTS_AT_ONCE]
            read = [beginning(texts[index], tokenizer, max_length) for index in some]
            tokenised = tokenizer(read, truncation=True, max_length=max_length, verbose=False)
            n_cut += sum(bool(encoding.overflowing) for encoding in tokenised.encodings)
            features = one_by_one(tokenised)
            # Rounded up to the padded length: oneDNN keeps compiled code in memory for every shape of a batch.
            lengths = [-(-len(feature["input_ids"]) // 8) * 8 for feature in features]
            for chosen in batches_by_tokens(lengths, TOKENS_A_BATCH):
                batch = {
                    name: tensor.to(device)
                    for name, tensor in pad([features[one] for one in chosen], tokenizer).items()
                }
                with autocast(device, precision):
                    hidden = encoder(**batch).last_hidden_state
                pooled = pool(hidden.float(), batch["attention_mask"])
                scaled = nn.functional.normalize(pooled, dim=-1) if by.unit else pooled
                vectors[[some[one] for one in chosen]] = scaled.cpu().numpy()
                done += len(chosen)
                progress(done, len(texts))
            memory.give_back()  # batches of many sizes leave holes in glibc's heap, which grow to a gibibyte
    return vectors, n_cut


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
