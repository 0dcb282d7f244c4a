"""The layers: a gated feed-forward network whose gate is multiplied by other tokens' values."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_layers import GradientCheckpointingLayer

from models.avey_b.configuration import AveyBConfig


class AveyBLayer(GradientCheckpointingLayer):
    """One layer, static (mixes tokens by a learned matrix) or dynamic (by their similarity)."""

    def __init__(self, config: AveyBConfig, dynamic: bool) -> None:
        super().__init__()
        width = config.d_embed
        self.width, self.eps, self.similarity = width, config.eps, config.similarity
        self.norm = nn.RMSNorm(width, eps=config.eps)
        self.enricher = nn.Linear(width, 4 * width)
        self.fuser = nn.Linear(3 * width, width)
        self.alpha = nn.Parameter(torch.ones(()))
        if dynamic:
            self.register_parameter("spatial_proj", None)
        else:
            self.spatial_proj = nn.Parameter(torch.empty(config.layer_width, config.layer_width))

    def forward(self, hidden: Tensor, in_use: Tensor | None, start: int) -> Tensor:
        """(b, R, d) to (b, R, d).

        Args:
            hidden: the rows of b splits.
            in_use: (b, R) which rows other rows may read; None means all.
            start: which row of the spatial projection is the first of these.
        """
        enriched = F.gelu(self.enricher(self.norm(hidden)))
        value, gate, bypass = enriched.split([self.width, self.width, 2 * self.width], dim=-1)
        if in_use is not None:
            value = value * in_use[..., None]
        fused = self.fuser(torch.cat([gate * self.mix(value, in_use, start), bypass], dim=-1))
        return fused + self.alpha * hidden

    def mix(self, value: Tensor, in_use: Tensor | None, start: int) -> Tensor:
        """(b, R, d) to (b, R, d): what each row reads of the others."""
        if self.spatial_proj is not None:
            end = start + value.shape[1]
            return self.spatial_proj[start:end, start:end] @ value
        unit = value / (value.norm(dim=-1, keepdim=True) + self.eps)
        return normalise_similarity(unit @ unit.mT, self.similarity, in_use, self.eps) @ value


def normalise_similarity(similarity: Tensor, how: str, in_use: Tensor | None, eps: float) -> Tensor:
    """(b, R, R) with its rows normalised in one of the ways of the paper's ablation; rows not `in_use` count for none."""
    if how == "divide_by_sum":
        return similarity / (similarity.abs().sum(-1, keepdim=True) + eps)
    if how == "softmax":
        if in_use is not None:
            similarity = similarity.masked_fill(~in_use[:, None], -torch.inf)
        return similarity.softmax(-1)
    if how == "rms_norm":
        rows = similarity.shape[-1] if in_use is None else in_use.sum(-1)[:, None, None]
        return similarity * torch.rsqrt(similarity.square().sum(-1, keepdim=True) / rows + eps)
    return similarity
