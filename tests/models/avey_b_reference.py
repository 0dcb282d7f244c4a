"""Avey-B written out plainly, one text at a time: the direct formulation that the fast one is tested and timed against.

It follows the paper's description (Acharya and Hammoud, "Avey-B", ICLR 2026, arXiv 2602.15814) term by term, shares no
code with `models.avey_b`, and takes a state dict with the published names. Ranking compares every pair of tokens,
and `(k + 1) S` rows of every split exist at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class Reference:
    """Functions of (T,) or (B, T) ids, without padding; `config` is anything with the attributes of an `AveyBConfig`."""

    weights: Mapping[str, Tensor]
    config: Any

    def hidden_states(self, ids: Tensor) -> Tensor:
        """(T,) to (T, d)."""
        c = self.config
        size, length = c.chunk_size, len(ids)
        count = -(-length // size)
        rows = F.embedding(ids, self.weights["embed.weight"])
        splits = F.pad(rows, (0, 0, 0, count * size - length)).view(count, size, -1)
        is_token = (torch.arange(count * size) < length).view(count, size)
        concatenated, readable = self.concatenate(splits, is_token)
        if c.compression:
            hidden = self.weights["ranker.down_proj"] @ concatenated
            if c.compression_residual:
                hidden = hidden + splits
            readable = is_token
        else:
            hidden = concatenated
        if c.padding == "live":
            readable = torch.ones_like(readable)
        for index in range(c.n_layers):
            # Rows of padding are read by nobody, which is to say that they stay zero.
            hidden = self.layer(index, hidden * readable[..., None], readable)
        return hidden[:, -size:].reshape(count * size, -1)[:length]

    def batch_hidden_states(self, ids: Tensor) -> Tensor:
        """(B, T) to (B, T, d)."""
        return torch.stack([self.hidden_states(text) for text in ids])

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        """Mean masked-LM cross-entropy over the labels (B, T) that are not -100."""
        logits = self.batch_hidden_states(ids) @ self.weights["embed.weight"].T
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())

    def candidates(self, i: int, count: int) -> list[int]:
        """The splits that split i of `count` may retrieve."""
        return [j for j in range(count) if j < i or (self.config.ranker_direction == "bidirectional" and j != i)]

    def concatenate(self, splits: Tensor, is_token: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted retrieved splits and the own one, last: (N, (k + 1) S, d), and which of these rows are tokens."""
        c = self.config
        count, size, width = splits.shape
        concatenated, readable = [], []
        for i, scores in enumerate(self.maxsim(splits, is_token)):
            others, order = self.candidates(i, count), scores.tolist()
            ranking = sorted(range(len(others)), key=lambda place: -order[place])[: c.k]
            missing = (c.k - len(ranking)) * size
            weights = [scores[place] / (scores[ranking[-1]] + c.eps) for place in ranking]
            best = [others[place] for place in ranking]
            weighted = [splits[j] * weight for j, weight in zip(best, weights, strict=True)]
            concatenated.append(torch.cat([splits.new_zeros(missing, width), *weighted, splits[i]]))
            readable.append(torch.cat([is_token.new_zeros(missing), *(is_token[j] for j in best), is_token[i]]))
        return torch.stack(concatenated), torch.stack(readable)

    def maxsim(self, splits: Tensor, is_token: Tensor) -> list[Tensor]:
        """For each split i and its candidates j the sum over i's tokens of their largest cosine with a token of j."""
        unit = splits / (splits.norm(dim=-1, keepdim=True) + self.config.eps)
        scores = []
        for i, (split, own) in enumerate(zip(unit, is_token, strict=True)):
            others = self.candidates(i, len(unit))
            cosines = torch.einsum("td,jud->jtu", split, unit[others]).masked_fill(~is_token[others, None], -torch.inf)
            scores.append(cosines.max(-1).values[:, own].sum(-1))
        return scores

    def layer(self, index: int, hidden: Tensor, readable: Tensor) -> Tensor:
        """(N, R, d) to (N, R, d)."""
        c, width = self.config, self.config.d_embed
        own = {
            name.removeprefix(f"layers.{index}."): weight
            for name, weight in self.weights.items()
            if name.startswith(f"layers.{index}.")
        }
        normed = hidden / (hidden.square().mean(-1, keepdim=True) + c.eps).sqrt() * own["norm.weight"]
        enriched = F.gelu(F.linear(normed, own["enricher.weight"], own["enricher.bias"]))
        value, gate, bypass = enriched[..., :width], enriched[..., width : 2 * width], enriched[..., 2 * width :]
        value = value * readable[..., None]
        if "spatial_proj" in own:
            context = own["spatial_proj"] @ value
        else:
            unit = value / (value.norm(dim=-1, keepdim=True) + c.eps)
            context = self.normalise(unit @ unit.mT, readable) @ value
        fused = F.linear(torch.cat([gate * context, bypass], -1), own["fuser.weight"], own["fuser.bias"])
        return fused + own["alpha"] * hidden

    def normalise(self, similarity: Tensor, readable: Tensor) -> Tensor:
        """Rows of (N, R, R), normalised over the columns that are readable; the others are zero before and after."""
        c, among = self.config, readable[:, None]
        if c.similarity == "divide_by_sum":
            return similarity / (similarity.abs().sum(-1, keepdim=True) + c.eps)
        if c.similarity == "softmax":
            return similarity.masked_fill(~among, -torch.inf).softmax(-1)
        if c.similarity == "rms_norm":
            return similarity / (similarity.square().sum(-1, keepdim=True) / among.sum(-1, keepdim=True) + c.eps).sqrt()
        return similarity
