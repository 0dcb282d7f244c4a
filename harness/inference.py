"""Prediction: batches sorted by length, so that little is padding, and the original order restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tasks.task import Feature


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The precision policy: float32 weights, and bfloat16 matrix products where the recipe says so."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def pad(features: Sequence[Feature], tokenizer: Any) -> dict[str, torch.Tensor]:
    """A batch of inputs without labels, padded on the right to a multiple of 8."""
    inputs = [{name: values for name, values in feature.items() if name != "labels"} for feature in features]
    return dict(tokenizer.pad(inputs, padding=True, padding_side="right", pad_to_multiple_of=8, return_tensors="pt"))


@torch.inference_mode()
def predict(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: Any,
    precision: str,
    batch_size: int = 64,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NDArray[np.float32]]:
    """The logits of every feature, in the order given.

    Args:
        model: an encoder with a head; it is put into evaluation mode.
        features: model inputs; ``labels`` are not shown to the model.
        tokenizer: pads.
        precision: ``fp32`` or ``bf16``.
        batch_size: features a batch.
        progress: called with the number of features done and in all.

    Returns:
        For each feature an array of shape (its length, outputs), without padding, where the head says something of
        every token; of shape (outputs,) where it says something of the text as a whole.
    """
    model.eval()
    device = next(model.parameters()).device
    longest_first = sorted(range(len(features)), key=lambda index: -len(features[index]["input_ids"]))
    logits: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(features)
    for start in range(0, len(features), batch_size):
        chosen = longest_first[start : start + batch_size]
        batch = {
            name: tensor.to(device) for name, tensor in pad([features[index] for index in chosen], tokenizer).items()
        }
        with autocast(device, precision):
            output = model(**batch)["logits"].float().cpu().numpy()
        for row, index in enumerate(chosen):
            of_tokens = output.ndim == 3
            logits[index] = (output[row, : len(features[index]["input_ids"])] if of_tokens else output[row]).copy()
        progress(start + len(chosen), len(features))
    return logits
