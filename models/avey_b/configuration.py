"""What an Avey-B is: the published configuration keys, and the paper's ablations as further ones."""

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

    The defaults are the published base size and the published choices, so that the published `config.json`, which
    knows only the first seven keys, means here what it means there.

    Published keys:
        vocab_size: rows of the embedding matrix.
        d_embed: width `d` of a token's vector.
        n_layers: number of layers.
        chunk_size: tokens of one split, `S`.
        k: number of splits that the ranker retrieves for each split.
        eps: added to norms and denominators, and the eps of RMSNorm.
        context_len: longest text of the pretraining, in tokens. The model has no limit of its own; tokenizers and
            pipelines read this one (also as `max_position_embeddings`).

    The paper's ablations:
        arrangement: which layers are static and which dynamic: "interleaved" (static first, published),
            "dynamic_first" (interleaved the other way), "all_static", "all_dynamic", or in halves
            "static_then_dynamic" and "dynamic_then_static" (of an odd number the first half has one more).
        similarity: how a dynamic layer normalises a row of its similarity matrix: "divide_by_sum" (of absolute
            values, published), "softmax", "rms_norm" (root mean square one) or "none".
        ranker_direction: "left" retrieves from earlier splits (published), "bidirectional" from all others.
        compression: learn to compress the retrieved splits and the own one to `S` rows (published). Without it the
            layers see all `(k + 1) S` rows, their matrices are that wide, and the last `S` rows are kept.
        compression_residual: add the own split to the compressed one (published).

    Padding:
        padding: what the rows after the last token of a split are. "live": they start at zero and then take part in
            every layer, as published; a text costs whole splits. "zero": they stay zero through all layers, that is
            no token ever reads them, and a text costs its tokens. Either way the outputs depend on that text
            alone.

    Head:
        masked_lm_head: `AveyBForMaskedLM` has a dense layer, GELU, a norm and a bias before and in the tied decoder, as
            `harness pretrain` trains it; the published one has none of them.

    Raises:
        ValueError: a value that no model can have, in one sentence.
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
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        for name in ("vocab_size", "d_embed", "n_layers", "chunk_size", "k", "context_len"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"Avey-B needs a whole number of at least 1 as {name}, not {value!r}.")
        if not self.eps > 0:
            raise ValueError(f"Avey-B needs an eps above 0, not {self.eps!r}.")
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
