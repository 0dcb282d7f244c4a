"""Configuration of NeoBERT: the published keys."""

from typing import ClassVar

from transformers import PreTrainedConfig


class NeoBERTConfig(PreTrainedConfig):
    """NeoBERT (Le Breton et al. 2025, arXiv 2502.19587). The defaults are the published model, 222 M parameters.

    Attributes:
        vocab_size: rows of the embedding matrix.
        hidden_size: width of a token's vector.
        num_hidden_layers: number of blocks.
        num_attention_heads: attention heads per block; each has an even width, because rotation works on pairs.
        intermediate_size: width of the feed-forward layer *before* it is corrected for the gate, see `ffn_size`.
        max_length: tokens of the longest text (also as `max_position_embeddings`).
        norm_eps: eps of RMSNorm.
        rope_theta: base of the rotary frequencies.
        embedding_init_range: embeddings are initialised uniformly between plus and minus this value.
        decoder_init_range: the same for all matrices.
        classifier_init_range: the same for the matrices of a classification head.
        classifier_dropout: dropout before a classification head's last layer.
        masked_lm_head: `NeoBERTForMaskedLM` has a dense layer, GELU and a norm before a decoder with a bias that is tied to the
            embedding, as `harness pretrain` trains it. The published model has an untied decoder instead.

    Raises:
        ValueError: an impossible value.
    """

    model_type = "neobert"
    attribute_map: ClassVar[dict[str, str]] = {"max_position_embeddings": "max_length"}

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 28
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_length: int = 4096
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    embedding_init_range: float = 0.02
    decoder_init_range: float = 0.02
    classifier_init_range: float = 0.02
    classifier_dropout: float = 0.1
    masked_lm_head: bool = False
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        for name in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_length",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"NeoBERT needs a whole number of at least 1 as {name}, not {value!r}.")
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ValueError(
                f"NeoBERT's hidden_size {self.hidden_size} does not divide into {self.num_attention_heads} heads of "
                "even width; choose another num_attention_heads."
            )

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return int(self.hidden_size // self.num_attention_heads)

    @property
    def ffn_size(self) -> int:
        """Width inside SwiGLU: two thirds of `intermediate_size`, because the gate is a third matrix, rounded up to a multiple of 8."""
        return 8 * -(-int(2 * self.intermediate_size / 3) // 8)
