"""Avey-B as a transformers model: the trunk, and the trunk with tied masked-LM logits."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput
from transformers.utils.generic import can_return_tuple

from models.avey_b.configuration import AveyBConfig
from models.avey_b.layers import AveyBLayer
from models.avey_b.ranker import Ranker
from models.avey_b.splits import Block, Splits, blocks_of_similar_length, cut_into_splits, rows_in_use

ROWS_OF_A_BLOCK = 2048
"""Rows that go through all layers together: few enough to stay in the cache, many enough for fast products."""


class AveyBModel(PreTrainedModel):
    """The encoder: (B, T) token ids to (B, T, d) hidden states, zero at padded positions.

    The heads are subclasses, so that every checkpoint holds the trunk under its published names, without a prefix.
    """

    config_class = AveyBConfig
    config: AveyBConfig
    base_model_prefix = ""
    supports_gradient_checkpointing = True
    _no_split_modules = ["AveyBLayer"]

    def __init__(self, config: AveyBConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.d_embed)
        self.ranker = Ranker(config)
        self.layers = nn.ModuleList(AveyBLayer(config, config.layer_is_dynamic(i)) for i in range(config.n_layers))
        self.build_head()
        self.post_init()

    def build_head(self) -> None:
        """Modules of a head are made here; the trunk has none."""

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

    def get_input_embeddings(self) -> nn.Module:
        return self.embed

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed = value

    def encode(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, inputs_embeds: Tensor | None
    ) -> Tensor:
        """(B, T) ids or (B, T, d) vectors to (B, T, d) hidden states.

        Raises:
            ValueError: not exactly one of ids and vectors, a batch or a text without tokens, a mask of another shape,
                or ids out of the vocabulary.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Avey-B needs either input_ids or inputs_embeds, and not both.")
        given = input_ids if input_ids is not None else inputs_embeds
        assert given is not None
        mask = mask_of(given, attention_mask)
        splits = cut_into_splits(mask, self.config.chunk_size)
        if inputs_embeds is not None:
            # Vectors given from outside are all distinct, for all that the ranker knows.
            table, token = inputs_embeds.flatten(0, 1), splits.position
        else:
            assert input_ids is not None
            table, token = self.embed.weight, input_ids.flatten()[splits.position]
            check_vocabulary(token, self.config.vocab_size)
        neighbours, weights = self.ranker.retrieve(table, token, splits)
        parts, positions = [], []
        for block in blocks_of_similar_length(
            splits.length, self.config.chunk_size, self.config.padding == "live", ROWS_OF_A_BLOCK, ROWS_OF_A_BLOCK // 8
        ):
            parts.append(self.encode_block(block, splits, table, token, neighbours, weights))
            in_use = rows_in_use(splits.length[block.index], block.rows)
            positions.append(splits.position[splits.grid[block.index, : block.rows][in_use]])
        hidden = parts[0].new_zeros(mask.numel(), self.config.d_embed)
        return hidden.index_copy(0, torch.cat(positions), torch.cat(parts)).view(*mask.shape, -1)

    def encode_block(
        self, block: Block, splits: Splits, table: Tensor, token: Tensor, neighbours: Tensor, weights: Tensor
    ) -> Tensor:
        """The hidden states (n, d) of the tokens of one block of splits, split after split."""
        index, rows, size = block.index, block.rows, self.config.chunk_size
        own_in_use = rows_in_use(splits.length[index], rows)
        own = F.embedding(token[splits.grid[index, :rows]], table)
        if not block.is_full:
            own = own * own_in_use[..., None]
        near, present = neighbours[index].clamp(min=0), neighbours[index] >= 0
        retrieved, readable = None, own_in_use
        if bool(present.any()):
            retrieved_in_use = rows_in_use(splits.length[near], size) & present[..., None]
            row_weights = weights[index].to(table.dtype)[..., None] * retrieved_in_use
            retrieved = (F.embedding(token[splits.grid[near]], table) * row_weights[..., None]).flatten(1, 2)
            if not self.config.compression:
                readable = torch.cat([retrieved_in_use.flatten(1), own_in_use], dim=1)
        elif self.config.padding == "live" and not self.config.compression:
            retrieved = own.new_zeros(len(own), self.config.k * size, own.shape[-1])
        all_readable = self.config.padding == "live" or (block.is_full and readable is own_in_use)
        hidden = self.ranker(own, retrieved)
        start = self.config.layer_width - size - (hidden.shape[1] - rows)
        for layer in self.layers:
            hidden = layer(hidden, None if all_readable else readable, start)
        hidden = hidden[:, hidden.shape[1] - rows :]
        return hidden.flatten(0, 1) if block.is_full else hidden[own_in_use]

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> BaseModelOutput:
        """Encode a batch: see `encode`, which this wraps.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), not zero at tokens. A masked position is no part of its text, wherever it stands.
            inputs_embeds: (B, T, d) vectors in place of ids; ranking is then quadratic in T.

        Raises:
            ValueError: see `encode`.
        """
        return BaseModelOutput(last_hidden_state=self.encode(input_ids, attention_mask, inputs_embeds))


class AveyBForMaskedLM(AveyBModel):
    """The encoder with masked-LM logits `hidden @ E^T`, tied and without bias."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> MaskedLMOutput:
        """Logits (B, T, vocab), and with `labels` (B, T) their mean cross-entropy where the label is not -100."""
        hidden = self.encode(input_ids, attention_mask, inputs_embeds)
        logits = F.linear(hidden, self.embed.weight)
        loss = None if labels is None else F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        return MaskedLMOutput(loss=loss, logits=logits)


def mask_of(given: Tensor, attention_mask: Tensor | None) -> Tensor:
    """(B, T) true at tokens."""
    shape = given.shape[:2]
    if given.dim() < 2 or 0 in shape:
        raise ValueError(f"Avey-B needs a batch of texts with at least one token each, not the shape {tuple(given.shape)}.")
    if attention_mask is None:
        return torch.ones(shape, dtype=torch.bool, device=given.device)
    if attention_mask.shape != shape:
        raise ValueError(
            f"attention_mask has the shape {tuple(attention_mask.shape)}; it needs one value a token, {tuple(shape)}."
        )
    return attention_mask.bool()


def check_vocabulary(token: Tensor, vocab_size: int) -> None:
    low, high = (int(bound) for bound in torch.aminmax(token))
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"Token id {low if low < 0 else high} is out of the vocabulary of {vocab_size}; use the tokenizer of this model."
        )


