"""The ranker: which earlier splits a split reads, and how it compresses them with itself to its own size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.avey_b.configuration import AveyBConfig
from models.avey_b.layers import multiply_each
from models.avey_b.splits import Splits, rows_in_use

IDS_AT_A_TIME = 1024
"""Columns of the matrix of cosines that exist at one time: enough for a fast product, little enough memory."""


class Ranker(nn.Module):
    """Published as `ranker`; its one parameter is the compression `down_proj` (S, (k + 1) S)."""

    def __init__(self, config: AveyBConfig) -> None:
        super().__init__()
        self.k, self.size, self.eps = config.k, config.chunk_size, config.eps
        self.bidirectional = config.ranker_direction == "bidirectional"
        self.residual = config.compression_residual
        if config.compression:
            self.down_proj = nn.Parameter(torch.empty(self.size, (self.k + 1) * self.size))
        else:
            self.register_parameter("down_proj", None)

    def retrieve(self, table: Tensor, token: Tensor, splits: Splits) -> tuple[Tensor, Tensor]:
        """Neighbours of each split and their weights, in the order in which they are concatenated.

        Args:
            table: (V, d) distinct vectors.
            token: (n,) which of them each token of `splits` is.

        Returns:
            (M, k) numbers of splits and (M, k) weights `score / (smallest selected score + eps)`, where the score is
            MaxSim. They stand at the right, the best first; those missing are -1 and have weight 0.
        """
        neighbours = torch.full((len(splits.length), self.k), -1, device=token.device)
        weights = table.new_zeros(neighbours.shape, dtype=ranking_dtype(table))
        if max(splits.per_text) == 1:
            return neighbours, weights
        with torch.autocast(table.device.type, enabled=False):
            distinct, token = torch.unique(token, return_inverse=True)
            vectors = F.embedding(distinct, table).to(weights.dtype)
            unit = vectors / (vectors.norm(dim=-1, keepdim=True) + self.eps)
            found, scores, first = [], [], 0
            for count in splits.per_text:
                last = first + count
                part, score = self._select(unit.detach(), token[splits.grid[first:last]], splits.length[first:last])
                found.append(torch.where(part < 0, part, part + first))
                scores.append(score)
                first = last
            neighbours, score = torch.cat(found), torch.cat(scores)
            present = neighbours >= 0
            if torch.is_grad_enabled():
                score = self._scores_with_gradient(unit, token[splits.grid], splits.length, neighbours, score)
            smallest = score.masked_fill(~present, torch.inf).amin(-1, keepdim=True)
            # A row without neighbours keeps no infinity: its gradient would be 0 * inf.
            smallest = smallest.masked_fill(~present.any(-1, keepdim=True), 1)
            return neighbours, score.masked_fill(~present, 0) / (smallest + self.eps)

    @torch.no_grad()
    def _select(self, unit: Tensor, token: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """For each split of one text its best others (N, k), numbered within the text, and their scores; see `retrieve`."""
        count = len(length)
        neighbours = token.new_full((count, self.k), -1)
        scores = unit.new_zeros(count, self.k)
        if count == 1:
            return neighbours, scores
        every = maxsim_scores(unit, token, length)
        place = torch.arange(count, device=token.device)
        allowed = place[:, None] != place if self.bidirectional else place[:, None] > place
        best = every.masked_fill(~allowed, -torch.inf).topk(min(self.k, count - 1))
        rank = torch.arange(self.k, device=token.device) - (self.k - allowed.sum(1, keepdim=True).clamp(max=self.k))
        found = rank.clamp(min=0)
        return best.indices.gather(1, found).masked_fill(rank < 0, -1), best.values.gather(1, found)

    def _scores_with_gradient(
        self, unit: Tensor, token: Tensor, length: Tensor, neighbours: Tensor, scores: Tensor
    ) -> Tensor:
        """The same scores (M, k), of the selected pairs alone, from which gradients reach the embeddings."""
        split, slot = (neighbours >= 0).nonzero(as_tuple=True)
        own, other = token[split], token[neighbours[split, slot]]
        with torch.no_grad():
            cosines = F.embedding(own, unit) @ F.embedding(other, unit).mT
            cosines.masked_fill_(~rows_in_use(length[neighbours[split, slot]], self.size)[:, None], -torch.inf)
            match = other.gather(1, cosines.argmax(-1))
        cosine = (F.embedding(own, unit) * F.embedding(match, unit)).sum(-1)
        score = (cosine * rows_in_use(length[split], self.size)).sum(-1)
        return scores.index_put((split, slot), score)

    def forward(self, own: Tensor, retrieved: Tensor | None) -> Tensor:
        """What the layers see of a block of splits.

        Args:
            own: (b, R, d) the first R rows of the splits, zero where they are padding.
            retrieved: (b, k S, d) the weighted neighbours, zero where there are none, or None where no split has any.

        Returns:
            (b, R, d) compressed; without compression the concatenation, (b, k S + R, d) or again (b, R, d).
        """
        rows, start = own.shape[1], self.k * self.size
        if self.down_proj is None:
            return own if retrieved is None else torch.cat([retrieved, own], dim=1)
        mixed = multiply_each(self.down_proj[:rows, start : start + rows], own)
        if retrieved is not None:
            mixed = mixed + multiply_each(self.down_proj[:rows, :start], retrieved)
        return mixed + own if self.residual else mixed


def ranking_dtype(table: Tensor) -> torch.dtype:
    """Ranking is never done in half precision: near ties would fall the other way."""
    return torch.promote_types(table.dtype, torch.float32)


def maxsim_scores(unit: Tensor, token: Tensor, length: Tensor) -> Tensor:
    """MaxSim of every pair of splits of one text, by distinct ids.

    A cosine depends on two ids only, so each pair of *distinct* ids is multiplied once, whatever the text's length.

    Args:
        unit: (U, d) vectors of length one.
        token: (N, S) which vector each row of each split is.
        length: (N,) rows of each split that are tokens.

    Returns:
        (N, N): entry (i, j) is the sum over tokens `t` of split `i` of the largest cosine between `t` and a token of `j`.
    """
    in_use = rows_in_use(length, token.shape[1])
    distinct, local = torch.unique(token[in_use], return_inverse=True)
    unit = unit[distinct]
    count = unit.new_zeros(len(token) * len(unit))
    cell = in_use.nonzero()[:, 0] * len(unit) + local
    count = count.index_add_(0, cell, torch.ones_like(cell, dtype=unit.dtype)).view(len(token), len(unit))
    members = [row.nonzero().squeeze(1) for row in count]
    scores = unit.new_zeros(len(token), len(token))
    for start in range(0, len(unit), IDS_AT_A_TIME):
        cosines = unit @ unit[start : start + IDS_AT_A_TIME].T
        best = torch.stack([cosines.index_select(0, ids).amax(0) for ids in members], dim=1)
        scores.addmm_(count[:, start : start + IDS_AT_A_TIME], best)
    return scores
