"""Build a model to measure its cost: from the catalogue's numbers, with random weights and without a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cost.points import SMALLEST_VOCABULARY, Point
from models import Encoder
from models.scratch import from_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build(point: Point, encoder: Encoder) -> PreTrainedModel:
    """The bare model in float32, random from seed 0, with the attention kernel of the point.

    Args:
        point: to measure; ``extended`` adds the positions that the model lacks for the text.
        encoder: the point's encoder.

    Raises:
        InputError: the model has attention, but not this kernel.
    """
    import torch

    declared = encoder.size(point.size)
    config: Any = encoder.config_class(
        **declared.options, vocab_size=declared.vocab_size or SMALLEST_VOCABULARY, **_SPECIAL_IDS
    )
    if point.extended:
        assert declared.max_length is not None
        config.max_position_embeddings += point.length - declared.max_length
    torch.manual_seed(0)
    return from_config(encoder, config, half_precision=point.precision == "bf16", attention=point.kernel)


_SPECIAL_IDS = {f"{name}_token_id": number for number, name in enumerate(("pad", "bos", "eos"))} | {
    "cls_token_id": 1,
    "sep_token_id": 2,
}
