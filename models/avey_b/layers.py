"""The layers: gated feed-forward networks in which the gate is multiplied by values of other tokens."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_layers import GradientCheckpointingLayer

from models.avey_b.configuration import AveyBConfig


class AveyBLayer(GradientCheckpointingLayer):
    """One layer. A static layer mixes tokens by a learned matrix, a dynamic layer by their similarity."""

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
        """(b, R, d) to (b, R, d); in place if gradients are disabled.

        Args:
            hidden: the rows of b splits.
            in_use: (b, R) which rows other rows may read; None means all.
            start: row of the spatial projection that the first of these rows uses.
        """
        enriched: Tensor = self.enricher(self.normed(hidden))
        if torch.is_grad_enabled():
            return self._fuse(hidden, enriched, in_use, start)
        return self._fuse_in_place(hidden, enriched, in_use, start)

    def _fuse(self, hidden: Tensor, enriched: Tensor, in_use: Tensor | None, start: int) -> Tensor:
        value, gate, bypass = F.gelu(enriched).split([self.width, self.width, 2 * self.width], dim=-1)
        fused: Tensor = self.fuser(torch.cat([gate * self.context(value, in_use, start), bypass], dim=-1))
        return fused + self.alpha * hidden

    def _fuse_in_place(self, hidden: Tensor, enriched: Tensor, in_use: Tensor | None, start: int) -> Tensor:
        """`_fuse` without a copy: the gated context overwrites the gate, next to the bypass."""
        torch.ops.aten.gelu_(enriched)
        enriched[..., self.width : 2 * self.width].mul_(self.context(enriched[..., : self.width], in_use, start))
        fused = self.fuser(enriched.flatten(0, 1)[:, self.width :])
        return hidden.mul_(self.alpha).add_(fused.view_as(hidden))

    def normed(self, hidden: Tensor) -> Tensor:
        """RMSNorm over (..., d) by one reduction; torch's own needs three passes on a CPU."""
        norm = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        return hidden * torch.rsqrt(norm.square() / self.width + self.eps) * self.norm.weight

    def context(self, value: Tensor, in_use: Tensor | None, start: int) -> Tensor:
        """(b, R, d) to (b, R, d): the values that each row reads from the others."""
        if in_use is not None:
            value = value * in_use[..., None]
        if self.spatial_proj is not None:
            end = start + value.shape[1]
            return multiply_each(self.spatial_proj[start:end, start:end], value)
        norm = torch.linalg.vector_norm(value, dim=-1, keepdim=True)
        unit = value * (norm + self.eps).reciprocal().to(value.dtype)
        similarity = torch.bmm(unit, unit.mT)
        if self.similarity == "divide_by_sum":
            # Divide after the product: rows then have width d instead of R.
            total = similarity.abs().sum(-1, keepdim=True)
            return torch.bmm(similarity, value) * (total + self.eps).reciprocal()
        return torch.bmm(normalise_similarity(similarity, self.similarity, in_use, self.eps).to(value.dtype), value)


def compute_dtype(rows: Tensor) -> torch.dtype:
    """The dtype of products of these rows: autocast's if it is enabled."""
    device = rows.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else rows.dtype


def multiply_each(matrix: Tensor, rows: Tensor) -> Tensor:
    """`matrix` (P, Q) times each of `rows` (b, Q, d), by `bmm` because `matmul` transposes and copies the rows."""
    dtype = compute_dtype(rows)
    return torch.bmm(matrix.to(dtype).expand(rows.shape[0], -1, -1), rows.to(dtype))


def normalise_similarity(similarity: Tensor, how: str, in_use: Tensor | None, eps: float) -> Tensor:
    """(b, R, R) with rows normalised in one of the paper's other ways; rows that are not `in_use` do not count."""
    if how == "softmax":
        if in_use is not None:
            similarity = similarity.masked_fill(~in_use[:, None], -torch.inf)
        return similarity.softmax(-1)
    if how == "rms_norm":
        rows = similarity.shape[-1] if in_use is None else in_use.sum(-1)[:, None, None]
        return similarity * torch.rsqrt(similarity.square().sum(-1, keepdim=True) / rows + eps)
    return similarity
