"""The NeoBERT encoder: pre-norm blocks of rotary self-attention and SwiGLU, RMSNorm throughout.

Tensors have their published names, so that published checkpoints load unchanged.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from models.attention.interface import keys_to_read
from models.attention.names import LOCAL
from models.neobert.configuration import NeoBERTConfig


class RotaryTable(nn.Module):
    """Cosines and sines of the rotary embedding (Su et al. 2021, arXiv 2104.09864), in float32.

    The table is not a buffer: casting the model to bfloat16 would round its angles, and it does not belong in a
    checkpoint. It is cached, and recomputed for a longer text or another device.
    """

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__()
        self.head_size = config.head_size
        self.theta = config.rope_theta
        self.longest = config.max_length
        self._kept: Tensor | None = None

    def forward(self, length: int, device: torch.device) -> Tensor:
        """Cosine and sine of every angle for positions 0 to `length` - 1: (length, head_size / 2, 2)."""
        if torch.compiler.is_compiling():
            return self._compute(length, device)
        if self._kept is None or len(self._kept) < length or self._kept.device != device:
            # Tensors created in inference mode cannot be used in training later.
            with torch.inference_mode(mode=False):
                self._kept = self._compute(min(self.longest, max(512, 2 * length)), device)
        return self._kept[:length]

    def _compute(self, length: int, device: torch.device) -> Tensor:
        pairs = torch.arange(0, self.head_size, 2, device=device, dtype=torch.float32)
        positions = torch.arange(length, device=device, dtype=torch.float32)
        angles = torch.outer(positions, self.theta ** (-pairs / self.head_size))
        return torch.stack((angles.cos(), angles.sin()), dim=-1)


def rotate(states: Tensor, table: Tensor) -> Tensor:
    """Rotate adjacent pairs of `states` (batch, length, ..., head_size) by their position, in at least float32."""
    pairs = states.to(torch.promote_types(states.dtype, torch.float32)).unflatten(-1, (-1, 2))
    table = table.view(len(table), *[1] * (states.dim() - 3), *table.shape[1:])
    if torch.compiler.is_compiling():  # compilers can fuse real arithmetic but not complex numbers
        (even, odd), (cosine, sine) = pairs.unbind(-1), table.unbind(-1)
        rotated = torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1)
    else:  # one pass over memory; measured five times as fast as the real form
        rotated = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table))
    return rotated.flatten(-2).to(states.dtype)


def eager_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    **unused: object,
) -> tuple[Tensor, Tensor]:
    """Attention in plain operations, which also returns the weights; inputs have shape (batch, heads, length, head_size)."""
    scores = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).transpose(1, 2), weights


class SwiGLU(nn.Module):
    """Feed-forward layer with a SiLU gate (Shazeer 2020, arXiv 2002.05202); gate and value in one matrix `w12`."""

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__()
        self.w12 = nn.Linear(config.hidden_size, 2 * config.ffn_size, bias=False)
        self.w3 = nn.Linear(config.ffn_size, config.hidden_size, bias=False)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(..., hidden_size) in and out."""
        gate, value = self.w12(hidden_states).chunk(2, dim=-1)
        projected: Tensor = self.w3(F.silu(gate) * value)
        return projected


class Block(GradientCheckpointingLayer):
    """One layer: self-attention, then feed-forward, each with a norm before it and a residual connection."""

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__()
        self.config = config
        self.is_causal = False
        self.attention_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.wo = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.ffn_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.ffn = SwiGLU(config)

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None, table: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states (batch, length, hidden_size) in and out, and the attention weights if they are computed."""
        attended, weights = self._attend(self.attention_norm(hidden_states), attention_mask, table)
        hidden_states = hidden_states + attended
        return hidden_states + self.ffn(self.ffn_norm(hidden_states)), weights

    def _attend(self, states: Tensor, attention_mask: Tensor | None, table: Tensor) -> tuple[Tensor, Tensor | None]:
        # For each head the matrix gives query, key and value, in this order.
        states = self.qkv(states).unflatten(-1, (self.config.num_attention_heads, 3, self.config.head_size))
        query, key = rotate(states[..., :2, :], table).transpose(1, 2).unbind(-2)
        value = states[..., 2, :].transpose(1, 2)
        attention = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention)
        attended, weights = attention(
            self, query, key, value, attention_mask, scaling=self.config.head_size**-0.5, dropout=0.0
        )
        return self.wo(attended.flatten(2)), weights


class NeoBERTPreTrainedModel(PreTrainedModel):
    """Base class of all NeoBERT models: names, initial values, supported features."""

    config_class = NeoBERTConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules: ClassVar[list[str]] = ["Block"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_record_outputs: ClassVar[dict[str, type]] = {"hidden_states": Block, "attentions": Block}

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            init.uniform_(module.weight, -self.config.decoder_init_range, self.config.decoder_init_range)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.uniform_(module.weight, -self.config.embedding_init_range, self.config.embedding_init_range)
        elif isinstance(module, nn.RMSNorm):
            init.ones_(module.weight)


class NeoBERTModel(NeoBERTPreTrainedModel):
    """The bare encoder.

    Accepts every `attn_implementation` of transformers (default `"sdpa"`); only `"eager"` supports `output_attentions`.
    """

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__(config)
        self.encoder = nn.Embedding(config.vocab_size, config.hidden_size)
        self.rotary = RotaryTable(config)
        self.transformer_encoder = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.layer_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The token embedding."""
        return self.encoder

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the token embedding."""
        self.encoder = value

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: object,
    ) -> BaseModelOutput:
        """Encode a batch of texts.

        Args:
            input_ids: token ids, (batch, length).
            attention_mask: 1 for tokens, 0 for padding, (batch, length); padding does not affect the
                outputs of tokens. Outputs of padding, and of a text of only padding, are finite and meaningless.
            inputs_embeds: embeddings instead of ids, (batch, length, hidden_size).

        Returns:
            `last_hidden_state` of shape (batch, length, hidden_size); if asked for also `hidden_states` and `attentions`.

        Raises:
            ValueError: an id is outside the vocabulary, the mask has another shape, or a text is longer than `max_length`.
        """
        hidden_states = self._embed(input_ids, inputs_embeds)
        batch, length = hidden_states.shape[:2]
        if length > self.config.max_length:
            raise ValueError(
                f"The text has {length} tokens and NeoBERT takes at most {self.config.max_length}; truncate it."
            )
        if attention_mask is not None and attention_mask.shape != (batch, length):
            raise ValueError(
                f"The attention mask has shape {tuple(attention_mask.shape)} and the texts have {(batch, length)}; "
                "they must agree."
            )
        mask, table = self._mask(hidden_states, attention_mask), self.rotary(length, hidden_states.device)
        for block in self.transformer_encoder:
            hidden_states, _ = block(hidden_states, mask, table)
        return BaseModelOutput(last_hidden_state=self.layer_norm(hidden_states))

    def _mask(self, hidden_states: Tensor, attention_mask: Tensor | None) -> object:
        """What attention reads, in the form of the kernel; the dense kernels take (batch, 1, 1, length) and no quadratic mask."""
        if self.config._attn_implementation in ("eager", "sdpa", LOCAL):
            keys = keys_to_read(attention_mask)
            return None if keys is None else keys[:, None, None, :]
        return create_bidirectional_mask(self.config, hidden_states, attention_mask)

    def _embed(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("NeoBERT takes either input_ids or inputs_embeds, not both and not neither.")
        if input_ids is None:
            assert inputs_embeds is not None
            return inputs_embeds
        if input_ids.dim() != 2 or input_ids.numel() == 0:
            raise ValueError(f"NeoBERT takes ids of shape (batch, length), none empty, not {tuple(input_ids.shape)}.")
        if not torch.compiler.is_compiling() and input_ids.device.type != "meta":
            lowest, highest = input_ids.aminmax()
            if lowest < 0 or highest >= self.config.vocab_size:
                wrong = int(lowest if lowest < 0 else highest)
                raise ValueError(f"The id {wrong} is outside the vocabulary of {self.config.vocab_size} tokens.")
        embedded: Tensor = self.encoder(input_ids)
        return embedded
