"""The kernel `local`, registered with transformers at import: its attention function, and the masks that it reads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from models.attention.full import full_attention
from models.attention.names import LOCAL
from models.attention.windows import Near, near_attention

_MODIFIERS = ("position_bias", "softcap", "s_aux", "cache")
"""Arguments by which a model asks for other attention than softmax over its mask."""


def mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    attention_mask: Tensor | None = None,
    local_size: int | None = None,
    allow_is_bidirectional_skip: bool = False,
    device: torch.device | str = "cpu",
    **rest: object,
) -> Tensor | Near | None:
    """What the queries of a layer read. The parameters have the names of transformers' mask interface.

    Args:
        attention_mask: (batch, length), true for tokens.
        local_size: the greatest distance to a key that is read; None for a layer that reads all keys.
        allow_is_bidirectional_skip: set by transformers for layers without a causal or other special pattern.
        rest: describes special patterns; they get transformers' own dense mask.

    Returns:
        None if every query reads every key, (batch, 1, 1, length) if padding is excluded, `Near` for local attention.
    """
    special = not allow_is_bidirectional_skip or (local_size is not None and q_length != kv_length)
    if special:
        dense: Callable[..., Tensor | None] = sdpa_mask
        return dense(
            batch_size=batch_size,
            q_length=q_length,
            kv_length=kv_length,
            attention_mask=attention_mask,
            local_size=local_size,
            allow_is_bidirectional_skip=allow_is_bidirectional_skip,
            device=device,
            **rest,
        )
    keys = keys_to_read(attention_mask)
    if local_size is None or kv_length <= local_size + 1:
        return None if keys is None else keys[:, None, None, :]
    return Near(local_size, keys, batch_size, kv_length, torch.device(device))


def keys_to_read(attention_mask: Tensor | None) -> Tensor | None:
    """The keys that attention reads, true for tokens: (batch, length), or None without padding.

    A text of only padding reads all of it, because attention over no keys is NaN.
    """
    if attention_mask is None:
        return None
    keys = attention_mask.bool()
    if not torch.compiler.is_compiling() and keys.device.type != "meta" and keys.all():
        return None
    return keys | ~keys.any(dim=1, keepdim=True)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | Near | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **rest: object,
) -> tuple[Tensor, None]:
    """Attention as transformers' interface asks for it.

    Args:
        module: the layer that asks.
        query, key, value: (batch, heads, length, head_size); keys and values may have fewer heads.
        attention_mask: what `mask` returned, or a mask that a model made itself.
        dropout: probability that a weight is dropped.
        scaling: of the scores; None for 1 / sqrt(head_size).
        rest: further wishes of the model. What is not softmax over the mask is left to transformers' sdpa.

    Returns:
        The result (batch, length, heads, head_size), and None, because fused kernels have no weights.
    """
    causal = rest.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    near = isinstance(attention_mask, Near)
    if any(rest.get(name) is not None for name in _MODIFIERS) or (causal and not near):
        dense = attention_mask.pairs() if isinstance(attention_mask, Near) else attention_mask
        asked: Callable[..., tuple[Tensor, None]] = sdpa_attention_forward
        return asked(module, query, key, value, dense, dropout=dropout, scaling=scaling, **rest)
    if (groups := query.shape[1] // key.shape[1]) > 1:
        key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    if isinstance(attention_mask, Near):
        return near_attention(query, key, value, attention_mask, scaling, dropout), None
    return full_attention(query, key, value, attention_mask, scaling, dropout), None


AttentionInterface.register(LOCAL, attention)
AttentionMaskInterface.register(LOCAL, mask)
