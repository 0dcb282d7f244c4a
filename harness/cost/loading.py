"""A model for its cost alone: built from the catalogue's numbers with random weights, and no tokenizer."""

from __future__ import annotations

from typing import Any

from harness.cost.points import SMALLEST_VOCABULARY, Point
from harness.errors import InputError
from models import Encoder

_KERNELS = {"sdpa": "_supports_sdpa", "flash_attention_2": "_supports_flash_attn"}


def build(point: Point, encoder: Encoder) -> Any:
    """The bare model, float32, random from seed 0, on the kernel that the point asks for.

    Args:
        point: what is measured; ``extended`` gives the model as many positions more as the text has tokens too many.
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


def has_attention(model_class: Any) -> bool:
    """Whether the model has attention layers whose kernel can be chosen."""
    return any(getattr(model_class, flag, False) for flag in _KERNELS.values())


_SPECIAL_IDS = {f"{name}_token_id": number for number, name in enumerate(("pad", "bos", "eos"))} | {
    "cls_token_id": 1,
    "sep_token_id": 2,
}
