"""Held-out loss: fixed rows with fixed masks at 15 %, the same for every encoder, recipe and seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from harness.errors import InputError
from harness.machine import distributed
from harness.nn.masked_rows import drawn, masked_rows, tensors
from harness.nn.masking import Masked, Masker
from harness.pretraining.tokens import TokenFile
from tasks.task import IGNORED


@dataclass(frozen=True)
class HeldOut:
    """Masked held-out rows.

    Attributes:
        masked: all rows.
        batches: the same in pieces, as tensors ``input_ids``, ``positions``, ``labels``.
        bytes_a_token: UTF-8 bytes of a held-out token.
    """

    masked: Masked
    batches: list[dict[str, torch.Tensor]]
    bytes_a_token: float

    @property
    def length(self) -> int:
        """Tokens of a row."""
        return int(self.masked.input_ids.shape[1])

    def scores(self, loss: float) -> dict[str, float]:
        """A loss in nats a token, and the same in bits a byte, which tokenizers do not change."""
        return {"loss": loss, "bits_per_byte": loss / math.log(2) / self.bytes_a_token}


def held_out(
    tokens: TokenFile, masker: Masker, first_id: int | None, length: int, at_most: int, batch_tokens: int
) -> HeldOut:
    """The held-out rows of a corpus.

    Args:
        tokens: of the corpus.
        masker: of its tokenizer.
        first_id: stands at the beginning of every row.
        length: tokens of a row.
        at_most: tokens in all; rows are drawn from the whole held-out part.
        batch_tokens: tokens of one piece.

    Raises:
        InputError: the held-out part is smaller than a row.
    """
    check_has_row(tokens, length)
    masked = masked_rows(tokens.heldout, drawn(len(tokens.heldout), length, at_most), length, first_id, masker)
    of_batch = max(1, batch_tokens // length)
    return HeldOut(
        masked,
        [tensors(masked, start, start + of_batch) for start in range(0, len(masked.labels), of_batch)],
        tokens.bytes_a_token,
    )


def check_has_row(tokens: TokenFile, length: int) -> None:
    """Refuse a held-out part that is smaller than a row of so many tokens.

    Raises:
        InputError: it is.
    """
    if len(tokens.heldout) < length:
        raise InputError(
            f"the held-out part of the corpus has {len(tokens.heldout)} tokens, less than one row of {length}; give more text, "
            "with an empty line between documents, or shorter --rows"
        )


@torch.no_grad()
def evaluate(model: Callable[..., Any], held: HeldOut, device: torch.device) -> dict[str, float]:
    """Held-out loss (nats a token), ``bits_per_byte`` and masked ``accuracy``; processes share the batches.

    Args:
        model: a `MaskedLM` in evaluation mode, as training wrapped it.
        held: the rows.
        device: of the model.
    """
    loss, right, total = 0.0, 0, 0
    # Every process takes equally many batches, since wrapped models (FSDP) wait for each other in each.
    for turn in range(-(-len(held.batches) // distributed.processes())):
        number = turn * distributed.processes() + distributed.rank()
        batch = {name: value.to(device) for name, value in held.batches[number % len(held.batches)].items()}
        outputs = model(**batch)
        if number < len(held.batches):
            labels = batch["labels"].flatten()
            loss += float(outputs["loss"]) * labels.numel()
            right += int((outputs["logits"].argmax(-1) == labels).sum())
            total += int((labels != IGNORED).sum())
    parts = distributed.from_all((loss, right, total))
    loss, right, total = (sum(column) for column in zip(*parts, strict=True))
    return held.scores(loss / total) | {"accuracy": right / total}
