"""The trunk of Avey-B as a transformers model: from token ids to hidden states."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils.generic import can_return_tuple

from models.avey_b.configuration import AveyBConfig
from models.avey_b.layers import AveyBLayer, compute_dtype
from models.avey_b.ranker import Ranker
from models.avey_b.splits import (
    Block,
    Splits,
    blocks_of_similar_length,
    cut_into_splits,
    cut_into_static_splits,
    rows_in_use,
)

ROWS_OF_A_BLOCK = {torch.float32: 1024, torch.bfloat16: 2048}
"""Rows that pass all layers together: few enough to stay in the cache, enough for fast products."""

ROWS_OF_PADDING = 128
"""Padding rows that cost less than the overhead of another block."""


@dataclass(frozen=True)
class Batch:
    """The splits of a batch with their vectors and neighbours."""

    splits: Splits
    table: Tensor
    """(U, d) one vector per distinct id."""
    token: Tensor
    """(M, S) index in `table` of each row of each split."""
    neighbours: Tensor
    """(M, k) indices of the retrieved splits, or -1."""
    weights: Tensor
    """(M, k) their weights."""


class AveyBModel(PreTrainedModel):
    """The encoder: (B, T) token ids to (B, T, d) hidden states, zero at padded positions.

    Heads are subclasses, so that every checkpoint has the published names of the trunk, without a prefix.
    """

    config_class = AveyBConfig
    config: AveyBConfig
    base_model_prefix = ""
    supports_gradient_checkpointing = True
    _no_split_modules: ClassVar[list[str]] = ["AveyBLayer"]

    def __init__(self, config: AveyBConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.d_embed)
        self.ranker = Ranker(config)
        self.layers = nn.ModuleList(AveyBLayer(config, config.layer_is_dynamic(i)) for i in range(config.n_layers))
        self.build_head()
        self.post_init()

    def build_head(self) -> None:
        """Make the modules of a head; the trunk has none."""

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            init.xavier_normal_(module.weight)
        if isinstance(module, nn.Linear) and module.bias is not None:
            init.zeros_(module.bias)
        if isinstance(module, nn.RMSNorm):
            init.ones_(module.weight)
        if isinstance(module, Ranker) and module.down_proj is not None:
            init.xavier_normal_(module.down_proj)
        if isinstance(module, AveyBLayer):
            init.ones_(module.alpha)
            if module.spatial_proj is not None:
                init.xavier_normal_(module.spatial_proj)

    def get_input_embeddings(self) -> nn.Embedding:
        """The token embedding, which is also the projection to logits."""
        return self.embed

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the token embedding, for example for a larger vocabulary."""
        self.embed = value

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> BaseModelOutput:
        """Encode a batch.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), nonzero at tokens. A masked position is never part of the text, even in its middle.
            inputs_embeds: (B, T, d) vectors instead of ids; the cost of ranking is then quadratic in T.
            output_hidden_states: also return the input of the first layer and the output of each layer.

        Returns:
            Hidden states (B, T, d), zero at masked positions. The last layer has no norm after it, see `config.output_scale`.

        Raises:
            ValueError: not exactly one of ids and vectors is given, the batch or a text has no tokens, the mask has another
                shape, or an id is outside the vocabulary.
        """
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        states = self.encode(input_ids, attention_mask, inputs_embeds, bool(output_hidden_states))
        return BaseModelOutput(last_hidden_state=states[-1], hidden_states=states if output_hidden_states else None)

    def encode(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        inputs_embeds: Tensor | None = None,
        every_layer: bool = False,
    ) -> tuple[Tensor, ...]:
        """The hidden states (B, T, d) of the last layer or of every layer; see `forward`."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Avey-B needs either input_ids or inputs_embeds, and not both.")
        if input_ids is not None:
            mask = mask_of(input_ids.shape, input_ids.device, attention_mask)
        else:
            assert inputs_embeds is not None
            mask = mask_of(inputs_embeds.shape[:-1], inputs_embeds.device, attention_mask)
        encode = self._encode_statically if torch.compiler.is_exporting() else self._encode_in_blocks
        states: tuple[Tensor, ...] = encode(input_ids, mask, inputs_embeds, every_layer)
        scale = self.config.output_scale
        return states if scale == 1 else (*states[:-1], states[-1] * scale)

    # The layout depends on the data; compiling only pays off in `run_layers`.
    @torch.compiler.disable(recursive=False)
    def _encode_in_blocks(
        self, input_ids: Tensor | None, mask: Tensor, inputs_embeds: Tensor | None, every_layer: bool
    ) -> tuple[Tensor, ...]:
        splits = cut_into_splits(mask, self.config.chunk_size)
        if inputs_embeds is not None:
            table, token = inputs_embeds.flatten(0, 1)[splits.position], torch.arange(len(splits.position))
        else:
            assert input_ids is not None
            ids, token = torch.unique(input_ids.flatten()[splits.position], return_inverse=True)
            check_vocabulary(ids, self.config.vocab_size)
            table = self.embed(ids)
        batch = self._retrieve(splits, table, token[splits.grid])
        shape = (mask.numel(), self.config.d_embed)
        if not torch.is_grad_enabled():
            # Write block by block, so that only one copy of all hidden states is in memory.
            outputs: list[Tensor] = []
            for position, states in self._blocks(batch, every_layer):
                outputs = outputs or [state.new_zeros(shape) for state in states]
                for output, state in zip(outputs, states, strict=True):
                    output.index_copy_(0, position, state)
        else:
            positions, parts = zip(*self._blocks(batch, every_layer), strict=True)
            position = torch.cat(positions)
            whole = [torch.cat(states) for states in zip(*parts, strict=True)]
            outputs = [state.new_zeros(shape).index_copy(0, position, state) for state in whole]
        return tuple(output.view(*mask.shape, -1) for output in outputs)

    def _blocks(self, batch: Batch, every_layer: bool) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """For each block of splits the positions of its tokens in the flattened batch (n,) and their hidden states (n, d)."""
        config, splits = self.config, batch.splits
        at_most = ROWS_OF_A_BLOCK.get(compute_dtype(batch.table), ROWS_OF_A_BLOCK[torch.float32])
        live = config.padding == "live"
        for block in blocks_of_similar_length(splits.length, config.chunk_size, live, at_most, ROWS_OF_PADDING):
            hidden, readable, start = self.enter(batch, block)
            states = self.run_layers(hidden, readable, start, every_layer)
            position = splits.position[splits.grid[block.index, : block.rows]]
            in_use = rows_in_use(splits.length[block.index], block.rows)
            if block.is_full:
                yield position.flatten(), [state[:, -block.rows :].flatten(0, 1) for state in states]
            else:
                yield position[in_use], [state[:, -block.rows :][in_use] for state in states]

    def _encode_statically(
        self, input_ids: Tensor | None, mask: Tensor, inputs_embeds: Tensor | None, every_layer: bool
    ) -> tuple[Tensor, ...]:
        """All splits at once, including padding: every shape depends only on the shape of the batch."""
        splits = cut_into_static_splits(mask, self.config.chunk_size)
        table = (inputs_embeds if inputs_embeds is not None else self.embed(input_ids)).flatten(0, 1)
        batch = self._retrieve(splits, table, splits.position[splits.grid])
        block = Block(torch.arange(splits.grid.shape[0], device=mask.device), self.config.chunk_size, is_full=False)
        in_use = rows_in_use(splits.length, block.rows)[..., None]
        outputs = []
        hidden, readable, start = self.enter(batch, block)
        for state in self.run_layers(hidden, readable, start, every_layer):
            own = (state[:, -block.rows :] * in_use).flatten(0, 1)
            # Padding rows add zeros to some token.
            output = own.new_zeros(mask.numel(), self.config.d_embed).index_add(0, batch.token.flatten(), own)
            outputs.append(output.view(*mask.shape, -1))
        return tuple(outputs)

    def _retrieve(self, splits: Splits, table: Tensor, token: Tensor) -> Batch:
        return Batch(splits, table, token, *self.ranker.retrieve(table, token, splits.length, splits.per_text))

    @torch.compiler.disable
    def enter(self, batch: Batch, block: Block) -> tuple[Tensor, Tensor | None, int]:
        """The input of the first layer for a block: rows (b, R, d), which of them are readable (b, R), and the first matrix row.

        The last is the row of the layers' matrices that the first row uses. None instead of readable rows means all.
        """
        config, table, length = self.config, batch.table, batch.splits.length
        own_in_use = rows_in_use(length[block.index], block.rows)
        own = F.embedding(batch.token[block.index, : block.rows], table)
        if not block.is_full:
            own = own * own_in_use[..., None]
        readable, all_readable, retrieved = own_in_use, block.is_full, None
        neighbours = batch.neighbours[block.index]
        if torch.compiler.is_exporting() or bool((neighbours >= 0).any()):
            near = neighbours.clamp(min=0)
            in_use = rows_in_use(length[near], config.chunk_size) & (neighbours >= 0)[..., None]
            row_weight = (batch.weights[block.index, :, None] * in_use)[..., None]
            low = table.to(compute_dtype(table))
            retrieved = (F.embedding(batch.token[near], low) * row_weight.to(low.dtype)).flatten(1, 2)
            if not config.compression:
                readable, all_readable = torch.cat([in_use.flatten(1), own_in_use], dim=1), False
        elif config.padding == "live" and not config.compression:
            retrieved = own.new_zeros(own.shape[0], config.k * config.chunk_size, config.d_embed)
        hidden = self.ranker(own, retrieved)
        start = config.layer_width - config.chunk_size - (hidden.shape[1] - block.rows)
        return hidden, None if all_readable or config.padding == "live" else readable, start

    def run_layers(self, hidden: Tensor, readable: Tensor | None, start: int, every_layer: bool) -> list[Tensor]:
        """The states (b, R, d) after the last layer, or before the first and after every layer."""
        states = []
        for layer in self.layers:
            if every_layer:
                states.append(hidden if torch.is_grad_enabled() else hidden.clone())
            hidden = layer(hidden, readable, start)
        return [*states, hidden]


def mask_of(shape: torch.Size, device: torch.device, attention_mask: Tensor | None) -> Tensor:
    """(B, T) mask, true at tokens."""
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"Avey-B needs a batch of texts, each of at least one token, not the shape {tuple(shape)}.")
    if attention_mask is None:
        return torch.ones(shape, dtype=torch.bool, device=device)
    if attention_mask.shape != shape:
        raise ValueError(
            f"attention_mask has the shape {tuple(attention_mask.shape)}; it needs one value per token, {tuple(shape)}."
        )
    return attention_mask.bool()


@torch.compiler.disable
def check_vocabulary(sorted_ids: Tensor, size: int) -> None:
    """Refuse ids outside the vocabulary.

    Raises:
        ValueError: there is one; the message names it.
    """
    for worst in (int(sorted_ids[0]), int(sorted_ids[-1])):
        if not 0 <= worst < size:
            raise ValueError(f"Token id {worst} is not in the vocabulary of {size}; use the tokenizer of this model.")
