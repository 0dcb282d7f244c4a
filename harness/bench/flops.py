"""Floating-point operations of one call, counted exactly from the architecture: matrix products, 2 for a multiply-add.

Everything else (norms, activations, softmax, rotation) is left out, as in the field's model FLOPs (Chowdhery et al.
2022, PaLM, appendix B). Training costs three times the forward pass, since a product's backward pass is two products
of its size; recomputation inside a kernel is not counted. Ranking in Avey-B has no backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Flops:
    """Operations of one batch.

    Attributes:
        needed: what the architecture asks for.
        executed: what dense kernels do for it: local attention is computed whole and then masked.
    """

    needed: int
    executed: int


def count(config: Any, ids: NDArray[np.int64], mode: str) -> Flops | None:
    """Operations of one call of the bare model on unpadded texts; ``None`` for an architecture that is not known here.

    Args:
        config: the model's `transformers` config.
        ids: (batch, length) token ids; Avey-B's ranking multiplies distinct ids, so it depends on them.
        mode: ``inference`` or ``training``.
    """
    formula = _FORMULAS.get(config.model_type)
    return formula(config, ids, mode == "training") if formula else None


def _attention_layer(length: int, width: int, feed_forward: int) -> tuple[int, int]:
    """One layer of a transformer on one text: its linear maps, and its two products over all pairs of tokens."""
    return 2 * length * (4 * width * width + feed_forward), 4 * length * length * width


def _bert(config: Any, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 2 * width * config.intermediate_size)
    return _dense(batch * config.num_hidden_layers * (linear + pairs), training)


def _neobert(config: Any, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 3 * width * config.ffn_size)
    return _dense(batch * config.num_hidden_layers * (linear + pairs), training)


def _modernbert(config: Any, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 3 * width * config.intermediate_size)
    n_local = sum(kind == "sliding_attention" for kind in config.layer_types)
    n_layers, passes = config.num_hidden_layers, 3 if training else 1
    near = 4 * _pairs_within(length, config.sliding_window) * width
    return Flops(
        needed=passes * batch * (n_layers * linear + (n_layers - n_local) * pairs + n_local * near),
        executed=passes * batch * n_layers * (linear + pairs),
    )


def _pairs_within(length: int, distance: int) -> int:
    """Pairs of tokens, in order, that are at most ``distance`` apart."""
    distance = min(distance, length - 1)
    return length * (2 * distance + 1) - distance * (distance + 1)


def _avey_b(config: Any, ids: NDArray[np.int64], training: bool) -> Flops | None:
    if not config.compression:  # an ablation, which the bench does not build
        return None
    width, size, k = config.d_embed, config.chunk_size, config.k
    batch, length = ids.shape
    n_splits = -(-length // size)
    whole, rest = divmod(length, size)
    rows = [size] * whole + ([rest if config.padding == "zero" else size] if rest else [])
    dynamic = sum(config.layer_is_dynamic(index) for index in range(config.n_layers))
    layers = 0
    for own in rows:
        layers += 2 * own * own * width  # compression of the split itself
        layers += 2 * own * k * size * width if n_splits > 1 else 0  # and of what was retrieved for it
        layers += config.n_layers * 2 * own * (4 + 3) * width * width  # enricher and fuser
        layers += (config.n_layers + dynamic) * 2 * own * own * width  # static: one product; dynamic: two
    total = (3 if training else 1) * batch * layers
    if n_splits > 1:
        for text in ids:
            distinct = len(np.unique(text))
            total += 2 * distinct * distinct * width + 2 * n_splits * n_splits * distinct
            if training:  # the matches of the selected pairs, from which gradients reach the embeddings
                pairs = sum(min(k, earlier) for earlier in range(n_splits))
                total += pairs * 2 * size * size * width
    return Flops(total, total)


def _dense(forward: int, training: bool) -> Flops:
    total = forward * (3 if training else 1)
    return Flops(total, total)


_FORMULAS: dict[str, Callable[[Any, NDArray[np.int64], bool], Flops | None]] = {
    "bert": _bert,
    "roberta": _bert,
    "modernbert": _modernbert,
    "neobert": _neobert,
    "avey-b": _avey_b,
}
