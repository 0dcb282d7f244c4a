"""Build a model to measure its cost: from the catalogue's numbers, with random weights and without a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cost.points import SMALLEST_VOCABULARY, Point
from harness.errors import InputError
from models import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_KERNELS = {"sdpa": "_supports_sdpa", "flash_attention_2": "_supports_flash_attn"}


def build(point: Point, encoder: Encoder) -> PreTrainedModel:
    """The bare model in float32, random from seed 0, with the attention kernel of the point.

    Args:
        point: to measure; ``extended`` adds the positions that the model lacks for the text.
        encoder: the point's encoder.

    Raises:
        InputError: the model has attention, but not this kernel.
    """
    import torch

    model_class, declared = encoder.model_class, encoder.size(point.size)
    config: Any = encoder.config_class(
        **declared.options, vocab_size=declared.vocab_size or SMALLEST_VOCABULARY, **_SPECIAL_IDS
    )
    if point.extended:
        assert declared.max_length is not None
        config.max_position_embeddings += point.length - declared.max_length
    if has_attention(model_class):
        supported = getattr(model_class, _KERNELS.get(point.attention, ""), True)
        if not supported:
            raise InputError(f"{point.model} has no {point.attention} kernel; choose --attn sdpa or eager")
        config._attn_implementation = point.attention
    torch.manual_seed(0)
    return model_class(config, **encoder.model_options)


def has_attention(model_class: type[PreTrainedModel]) -> bool:
    """Whether the model has attention layers whose kernel can be chosen."""
    return any(getattr(model_class, flag, False) for flag in _KERNELS.values())


_SPECIAL_IDS = {f"{name}_token_id": number for number, name in enumerate(("pad", "bos", "eos"))} | {
    "cls_token_id": 1,
    "sep_token_id": 2,
}
