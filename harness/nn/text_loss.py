"""The loss of masked tokens in running text, for each of its documents: the same rows and masks for every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from harness.machine import memory
from harness.nn.inference import autocast
from harness.nn.masked_lm import MASKED_TOKENS_PER_BATCH, Scorer
from harness.nn.masked_rows import drawn, masked_rows, tensors
from harness.nn.masking import Masked, Masker
from harness.nn.packed import packed
from harness.nn.token_stream import plain_ids, separator_id
from tasks.task import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class MaskedText:
    """Rows of a text, masked.

    Attributes:
        masked: the rows.
        document_of: (rows, count) the number of the document that each predicted token is of.
        bytes_a_token: UTF-8 bytes of a token of the text, separators not counted.
        n_tokens: of the whole text.
    """

    masked: Masked
    document_of: NDArray[np.int64]
    bytes_a_token: float
    n_tokens: int


@dataclass(frozen=True)
class DocumentLosses:
    """What was found of each document; all of the shape (documents,).

    Attributes:
        nats: sums of losses.
        right: masked tokens that were predicted right.
        masked: masked tokens.
    """

    nats: NDArray[np.float64]
    right: NDArray[np.int64]
    masked: NDArray[np.int64]


def masked_text(
    tokenizer: PreTrainedTokenizerBase, documents: Sequence[str], length: int, at_most: int | None
) -> MaskedText:
    """Rows of documents that follow each other with a separator, as in pretraining, masked at 15 %.

    Args:
        tokenizer: a fast one.
        documents: the text.
        length: tokens of a row; a text of fewer tokens is one shorter row.
        at_most: tokens that are read; ``None`` for all.

    Raises:
        InputError: the tokenizer has no separator or no mask token.
    """
    separator = separator_id(tokenizer)
    ids = plain_ids(tokenizer, documents)
    n_plain = sum(map(len, ids))
    stream = np.fromiter((token for one in ids for token in (*one, separator)), np.int64, n_plain + len(ids))
    document_of = np.repeat(np.arange(len(ids)), [len(one) + 1 for one in ids])
    length = min(length, len(stream))
    chosen = drawn(len(stream), length, len(stream) if at_most is None else at_most)
    masker = Masker(len(tokenizer), int(tokenizer.mask_token_id), tokenizer.all_special_ids)
    masked = masked_rows(stream, chosen, length, tokenizer.cls_token_id, masker)
    n_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in documents)
    places = chosen[:, None] * length + masked.positions
    return MaskedText(masked, document_of[places], n_bytes / max(1, n_plain), len(stream))


@torch.inference_mode()
def document_losses(
    scorer: Scorer,
    text: MaskedText,
    n_documents: int,
    precision: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DocumentLosses:
    """The losses of masked rows, summed over each document.

    Args:
        scorer: the model, in evaluation mode.
        text: the rows.
        n_documents: of the text.
        precision: ``fp32`` or ``bf16``.
        progress: called with the number of rows done and in all.
    """
    device = next(scorer.parameters()).device
    found = DocumentLosses(np.zeros(n_documents), np.zeros(n_documents, np.int64), np.zeros(n_documents, np.int64))
    n_rows, length = text.masked.input_ids.shape
    of_batch = max(1, MASKED_TOKENS_PER_BATCH // length)
    with packed(scorer, precision):
        for start in range(0, n_rows, of_batch):
            batch = {name: value.to(device) for name, value in tensors(text.masked, start, start + of_batch).items()}
            row, place = torch.nonzero(batch["labels"] != IGNORED, as_tuple=True)
            labels = batch["labels"][row, place]
            with autocast(device, precision):
                scores = scorer(
                    batch["input_ids"],
                    torch.ones_like(batch["input_ids"]),
                    row * length + batch["positions"][row, place],
                )
            documents = text.document_of[start : start + of_batch][row.cpu().numpy(), place.cpu().numpy()]
            losses = -scores.gather(1, labels[:, None])[:, 0]
            np.add.at(found.nats, documents, losses.double().cpu().numpy())
            np.add.at(found.right, documents, (scores.argmax(-1) == labels).cpu().numpy())
            np.add.at(found.masked, documents, 1)
            progress(min(start + of_batch, n_rows), n_rows)
    memory.give_back()
    return found
