"""Floating-point operations of one call, computed from the architecture. A multiply-add counts as 2.

Only matrix products count, as is usual for model FLOPs (Chowdhery et al. 2022, PaLM, appendix B); norms, activations,
softmax and rotation do not. Training costs three times the forward pass, because the backward pass of a product is two
products of the same size. Recomputation inside a kernel is not counted. Ranking in Avey-B has no backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.attention.names import LOCAL

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Flops:
    """Operations of one batch.

    Attributes:
        needed: operations that the architecture requires.
        executed: operations of the kernels that compute it. Local attention is computed block by block by the kernel `local`, and
            in full by all others, which then mask it.
            Avey-B's ranking skips splits without earlier text by blocks of ids, not id by id.
    """

    needed: int
    executed: int


def count(config: PreTrainedConfig, ids: NDArray[np.int64], mode: str) -> Flops | None:
    """Operations of one call of the bare model on unpadded texts; ``None`` for an unknown architecture.

    Args:
        config: the model's `transformers` config.
        ids: token ids of shape (batch, length). The cost of Avey-B's ranking depends on the number of distinct ids.
        mode: ``inference`` or ``training``.
    """
    formula = _FORMULAS.get(config.model_type)
    return formula(config, ids, mode == "training") if formula else None


def _attention_layer(length: int, width: int, feed_forward: int) -> tuple[int, int]:
    """Operations of a transformer layer on one text: its linear maps, and the two products over all pairs of tokens."""
    return 2 * length * (4 * width * width + feed_forward), 4 * length * length * width


def _bert(config: PreTrainedConfig, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 2 * width * config.intermediate_size)
    return _dense(batch * config.num_hidden_layers * (linear + pairs), training)


def _neobert(config: PreTrainedConfig, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 3 * width * config.ffn_size)
    return _dense(batch * config.num_hidden_layers * (linear + pairs), training)


def _modernbert(config: PreTrainedConfig, ids: NDArray[np.int64], training: bool) -> Flops:
    width, (batch, length) = config.hidden_size, ids.shape
    linear, pairs = _attention_layer(length, width, 3 * width * config.intermediate_size)
    n_local = sum(kind == "sliding_attention" for kind in config.layer_types)
    n_layers, passes = config.num_hidden_layers, 3 if training else 1
    near = 4 * _pairs_within(length, config.sliding_window) * width
    computed = length * length
    if config._attn_implementation == LOCAL:
        from models.attention.windows import computed_pairs  # torch

        computed = computed_pairs(length, config.sliding_window)
    return Flops(
        needed=passes * batch * (n_layers * linear + (n_layers - n_local) * pairs + n_local * near),
        executed=passes * batch * (n_layers * linear + (n_layers - n_local) * pairs + n_local * 4 * computed * width),
    )


def _pairs_within(length: int, distance: int) -> int:
    """Number of ordered pairs of tokens that are at most ``distance`` apart."""
    distance = min(distance, length - 1)
    return length * (2 * distance + 1) - distance * (distance + 1)


def _avey_b(config: PreTrainedConfig, ids: NDArray[np.int64], training: bool) -> Flops | None:
    if not config.compression or config.ranker_direction != "left":  # ablations, which no bench builds
        return None
    from models.avey_b.maxsim import IDS_AT_A_TIME  # torch

    width, size, k = config.d_embed, config.chunk_size, config.k
    batch, length = ids.shape
    n_splits = -(-length // size)
    whole, rest = divmod(length, size)
    rows = [size] * whole + ([rest if config.padding == "zero" else size] if rest else [])
    dynamic = sum(config.layer_is_dynamic(index) for index in range(config.n_layers))
    layers = 0
    for own in rows:
        layers += 2 * own * own * width  # compress the split itself
        layers += 2 * own * k * size * width if n_splits > 1 else 0  # and its retrieved splits
        layers += config.n_layers * 2 * own * (4 + 3) * width * width  # enricher and fuser
        layers += (config.n_layers + dynamic) * 2 * own * own * width  # static: one product; dynamic: two
    total = (3 if training else 1) * batch * layers
    if training:  # the scores of selected pairs pass gradients to the embeddings
        pairs = sum(min(k, earlier) for earlier in range(n_splits))
        total += batch * pairs * 2 * size * size * width
    needed, executed = (sum(_ranking(text, size, width, block) for text in ids) for block in (1, IDS_AT_A_TIME))
    return Flops(total + needed, total + executed)


def _ranking(text: NDArray[np.int64], size: int, width: int, block: int) -> int:
    """Operations to score all splits of ``size`` tokens against all earlier ones, by distinct ids, ``block`` ids at a time.

    Each id is compared with the ids of all splits before the last split that holds it. Each of those splits then
    contributes its largest cosine, multiplied by the number of times that each split holds the id.
    """
    first = np.sort(np.unique(text, return_index=True)[1] // size)
    last = np.sort((len(text) - 1 - np.unique(text[::-1], return_index=True)[1]) // size)[::-1]
    columns = np.diff(np.append(np.arange(0, len(last), block), len(last)))
    earlier = last[::block]
    n_splits = -(-len(text) // size)
    return int((columns * 2 * (np.searchsorted(first, earlier) * width + n_splits * earlier)).sum())


def _dense(forward: int, training: bool) -> Flops:
    total = forward * (3 if training else 1)
    return Flops(total, total)


_FORMULAS: dict[str, Callable[[PreTrainedConfig, NDArray[np.int64], bool], Flops | None]] = {
    "bert": _bert,
    "roberta": _bert,
    "modernbert": _modernbert,
    "neobert": _neobert,
    "avey-b": _avey_b,
}
