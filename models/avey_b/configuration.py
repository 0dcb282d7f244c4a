"""Configuration of Avey-B: the published keys, and further keys for the ablations of the paper."""

import math
from collections.abc import Mapping
from typing import ClassVar

from transformers import PreTrainedConfig

ARRANGEMENTS = (
    "interleaved",
    "dynamic_first",
    "all_static",
    "all_dynamic",
    "static_then_dynamic",
    "dynamic_then_static",
)
SIMILARITIES = ("divide_by_sum", "softmax", "rms_norm", "none")
RANKER_DIRECTIONS = ("left", "bidirectional")
PADDINGS = ("live", "zero")


class AveyBConfig(PreTrainedConfig):
    """Avey-B (Acharya and Hammoud, "Avey-B", ICLR 2026, arXiv 2602.15814).

    The defaults are the published base size and the published choices. The published `config.json`, which has only the
    first seven keys, therefore gives the published model.

    Published keys:
        vocab_size: rows of the embedding matrix.
        d_embed: width `d` of a token's vector.
        n_layers: number of layers.
        chunk_size: tokens of one split, `S`.
        k: number of splits that the ranker retrieves for each split.
        eps: added to norms and denominators, and the eps of RMSNorm.
        context_len: tokens of the longest text in pretraining. The model itself has no limit; tokenizers and pipelines
            read this value (also as `max_position_embeddings`).

    Ablations of the paper:
        arrangement: which layers are static and which dynamic: "interleaved" (static first, published),
            "dynamic_first" (interleaved the other way), "all_static", "all_dynamic", or in halves
            "static_then_dynamic" and "dynamic_then_static" (if the number is odd, the first half has one more).
        similarity: how a dynamic layer normalises a row of its similarity matrix: "divide_by_sum" (of absolute
            values, published), "softmax", "rms_norm" (root mean square one) or "none".
        ranker_direction: "left" retrieves from earlier splits (published), "bidirectional" from all others.
        compression: learn to compress a split and those retrieved for it to `S` rows (published). Without it the layers
            see all `(k + 1) S` rows, their matrices are that wide, and the last `S` rows are kept.
        compression_residual: add the split itself to the compressed rows (published).

    Padding:
        padding: how the rows after the last token of a split are treated. "live": they start at zero and take part in
            every layer, as published; the cost of a text depends on the number of splits. "zero": they stay zero in all
            layers, so that no token ever reads them; the cost depends on the number of tokens. In both cases the outputs
            of a text do not depend on other texts.

    Head:
        masked_lm_head: `AveyBForMaskedLM` has a dense layer, GELU and a norm before the tied decoder, and a bias in it, as
            `harness pretrain` trains it. The published head has none of them.
        output_scale: factor on the hidden states after the last layer. The published head reads them as they are, which
            keeps their size in bounds. A head with a norm does not, and no norm follows the last layer: after 10 M tokens
            their root mean square was 243, and a linear layer on them learnt badly. `harness pretrain` therefore writes
            the factor that makes it about 1, as it is in encoders with a final norm.

    Raises:
        ValueError: an impossible value.
    """

    model_type = "avey-b"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "d_embed",
        "num_hidden_layers": "n_layers",
        "max_position_embeddings": "context_len",
    }

    vocab_size: int = 50368
    d_embed: int = 768
    n_layers: int = 30
    chunk_size: int = 256
    k: int = 3
    eps: float = 1e-12
    context_len: int = 2048
    arrangement: str = "interleaved"
    similarity: str = "divide_by_sum"
    ranker_direction: str = "left"
    compression: bool = True
    compression_residual: bool = True
    padding: str = "live"
    pad_token_id: int | None = None
    classifier_dropout: float = 0.0
    masked_lm_head: bool = False
    output_scale: float = 1.0
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        for name in ("vocab_size", "d_embed", "n_layers", "chunk_size", "k", "context_len"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"Avey-B needs a whole number of at least 1 as {name}, not {value!r}.")
        if not self.eps > 0:
            raise ValueError(f"Avey-B needs an eps above 0, not {self.eps!r}.")
        if not 0 < self.output_scale < math.inf:
            raise ValueError(f"Avey-B needs a finite output_scale above 0, not {self.output_scale!r}.")
        choices: Mapping[str, tuple[str, ...]] = {
            "arrangement": ARRANGEMENTS,
            "similarity": SIMILARITIES,
            "ranker_direction": RANKER_DIRECTIONS,
            "padding": PADDINGS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"Avey-B knows no {name} {getattr(self, name)!r}; choose from {', '.join(allowed)}.")

    @property
    def layer_width(self) -> int:
        """Rows that a layer sees of one split: `S` after compression, `(k + 1) S` without it."""
        return self.chunk_size if self.compression else (self.k + 1) * self.chunk_size

    def layer_is_dynamic(self, index: int) -> bool:
        """Whether layer `index` (from 0) mixes tokens by their similarity rather than by a learned matrix."""
        second_half = index >= (self.n_layers + 1) // 2
        return {
            "interleaved": index % 2 == 1,
            "dynamic_first": index % 2 == 0,
            "all_static": False,
            "all_dynamic": True,
            "static_then_dynamic": second_half,
            "dynamic_then_static": not second_half,
        }[self.arrangement]
