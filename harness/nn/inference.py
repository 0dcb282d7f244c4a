"""Prediction in batches of similar lengths, each within a budget of tokens: there is little padding, and a long text is one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harness.nn.packed import packed
from tasks.task import Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENS_PER_BATCH = 16_384
"""With padding: 32 texts of 512 tokens, or one longer text."""


def batches_by_tokens(
    lengths: Sequence[int], tokens: int = TOKENS_PER_BATCH, batch_size: int | None = None
) -> Iterator[list[int]]:
    """Indices of texts in batches, the longest texts first, so that a lack of memory shows in the first batch.

    Args:
        lengths: tokens of each text.
        tokens: most tokens in a batch, each text counted as long as the longest; a longer text is a batch of its own.
        batch_size: most texts in a batch; ``None`` for no limit.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        full = batch and (len(batch) + 1) * lengths[batch[0]] > tokens
        if full or len(batch) == batch_size:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The precision policy: float32 weights, and matrix products in bfloat16 if the recipe has ``bf16``."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def pad(features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """A batch of inputs without labels, padded on the right to a multiple of 8."""
    inputs = [{name: values for name, values in feature.items() if name != "labels"} for feature in features]
    return dict(tokenizer.pad(inputs, padding=True, padding_side="right", pad_to_multiple_of=8, return_tensors="pt"))


@torch.inference_mode()
def predict(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: PreTrainedTokenizerBase,
    precision: str,
    batch_size: int = 64,
    *,
    tokens: int = TOKENS_PER_BATCH,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NDArray[np.float32]]:
    """The logits of every feature, in the order given.

    Args:
        model: an encoder with a head; it is put into evaluation mode.
        features: model inputs; ``labels`` are not given to the model.
        tokenizer: pads.
        precision: ``fp32`` or ``bf16``.
        batch_size: most features in a batch.
        tokens: most tokens in a batch, see `batches_by_tokens`.
        progress: called with the number of features done and in all.

    Returns:
        For each feature an array of shape (its length, outputs), without padding, for a head with outputs for
        every token; of shape (outputs,) for a head with outputs for the whole text.
    """
    model.eval()
    device = next(model.parameters(), torch.empty(0)).device  # an exported engine has no parameters
    logits: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(features)
    lengths, done = [len(feature["input_ids"]) for feature in features], 0
    with packed(model, precision):
        for chosen in batches_by_tokens(lengths, tokens, batch_size):
            batch = {
                name: tensor.to(device)
                for name, tensor in pad([features[index] for index in chosen], tokenizer).items()
            }
            with autocast(device, precision):
                output = model(**batch)["logits"].float().cpu().numpy()
            for row, index in enumerate(chosen):
                of_tokens = output.ndim == 3
                logits[index] = (output[row, : lengths[index]] if of_tokens else output[row]).copy()
            done += len(chosen)
            progress(done, len(features))
    return logits
