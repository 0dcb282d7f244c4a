"""The ranker: selects and weights the splits that each split reads, and compresses them to the size of one split."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.avey_b.configuration import AveyBConfig
from models.avey_b.layers import multiply_each
from models.avey_b.maxsim import best_matches, maxsim_by_distinct_ids, maxsim_of_all_pairs
from models.avey_b.splits import rows_in_use


class Ranker(nn.Module):
    """Retrieval and compression. The only parameter is the compression matrix `down_proj` (S, (k + 1) S)."""

    def __init__(self, config: AveyBConfig) -> None:
        super().__init__()
        self.k, self.size, self.eps = config.k, config.chunk_size, config.eps
        self.bidirectional = config.ranker_direction == "bidirectional"
        self.residual = config.compression_residual
        if config.compression:
            self.down_proj = nn.Parameter(torch.empty(self.size, (self.k + 1) * self.size))
        else:
            self.register_parameter("down_proj", None)

    @torch.compiler.disable
    def retrieve(
        self, table: Tensor, token: Tensor, length: Tensor, per_text: list[int] | int
    ) -> tuple[Tensor, Tensor]:
        """The neighbours of each split and their weights, in the order of concatenation.

        The score is MaxSim. It is never computed in half precision, because that would change the order of near ties.

        Args:
            table: (U, d) vectors.
            token: (M, S) index in `table` of each row of each split.
            length: (M,) number of tokens in each split.
            per_text: (B) number of splits of each text, or for export the number of texts that have M / B splits each;
                splits of different texts are never neighbours.

        Returns:
            (M, k) indices of splits and (M, k) weights `score / (smallest selected score + eps)`. Neighbours are aligned to
            the right, best first; missing ones have index -1 and weight 0.
        """
        if isinstance(per_text, list) and max(per_text) == 1:
            neighbours = torch.full((len(token), self.k), -1, device=token.device)
            return neighbours, table.new_zeros(neighbours.shape)
        with torch.autocast(table.device.type, enabled=False):
            table = table.to(torch.promote_types(table.dtype, torch.float32))
            unit = table / (torch.linalg.vector_norm(table, dim=-1, keepdim=True) + self.eps)
            if isinstance(per_text, list):
                neighbours, scores = self._select(unit.detach(), token, length, per_text)
            else:
                neighbours, scores = self._select_statically(unit.detach(), token, length, per_text)
            present = neighbours >= 0
            if torch.is_grad_enabled() and not torch.compiler.is_exporting():
                scores = self._scores_with_gradient(unit, token, length, neighbours)
            smallest = scores.masked_fill(~present, torch.inf).amin(-1, keepdim=True)
            # A split without neighbours must not keep infinity here: its gradient would be 0 * inf.
            smallest = smallest.masked_fill(~present.any(-1, keepdim=True), 1)
            return neighbours, scores / (smallest + self.eps)

    @torch.no_grad()
    def _select(self, unit: Tensor, token: Tensor, length: Tensor, per_text: list[int]) -> tuple[Tensor, Tensor]:
        """The neighbours of all splits (M, k) and their scores (M, k)."""
        neighbours = token.new_full((len(token), self.k), -1)
        scores = unit.new_zeros(neighbours.shape)
        end = 0
        for count in per_text:
            start, end = end, end + count
            if count > 1:
                every = maxsim_by_distinct_ids(
                    unit, token[start:end], length[start:end], earlier_only=not self.bidirectional
                )
                best, score = self._best(every, length[start:end] > 0)
                neighbours[start:end] = torch.where(best < 0, best, best + start)
                scores[start:end] = score
        return neighbours, scores

    @torch.no_grad()
    def _select_statically(self, unit: Tensor, token: Tensor, length: Tensor, texts: int) -> tuple[Tensor, Tensor]:
        """`_select` in shapes that do not depend on the tokens, for ``texts`` of equally many splits."""
        token, length = token.view(texts, -1, self.size), length.view(texts, -1)
        best, scores = self._best(maxsim_of_all_pairs(unit, token, length), length[:, None] > 0)
        first = torch.arange(length.numel(), device=token.device).view_as(length)[:, 0, None, None]
        neighbours = torch.where(best < 0, best, best + first)
        return neighbours.flatten(0, 1), scores.flatten(0, 1)

    def _best(self, scores: Tensor, is_candidate: Tensor) -> tuple[Tensor, Tensor]:
        """The best k other splits of each split (..., N, k) and their scores, from the scores (..., N, N) of one text."""
        splits = scores.shape[-1]
        place = torch.arange(splits, device=scores.device)
        allowed = place[:, None] != place if self.bidirectional else place[:, None] > place
        allowed = allowed & is_candidate
        scores = scores.masked_fill(~allowed, -torch.inf)
        if torch.compiler.is_exporting():  # k columns more, so that there are k in a text of any length
            best = F.pad(scores, (0, self.k), value=-torch.inf).topk(self.k)
        else:
            best = scores.topk(min(self.k, splits - 1))
        present = allowed.sum(-1, keepdim=True).clamp(max=self.k)
        rank = torch.arange(self.k, device=scores.device) - (self.k - present)
        found = rank.clamp(min=0)
        indices, values = best.indices.gather(-1, found), best.values.gather(-1, found)
        return indices.masked_fill(rank < 0, -1), values.masked_fill(rank < 0, 0)

    def _scores_with_gradient(self, unit: Tensor, token: Tensor, length: Tensor, neighbours: Tensor) -> Tensor:
        """The scores (M, k) of only the selected pairs, with gradients to the embeddings."""
        split, slot = (neighbours >= 0).nonzero(as_tuple=True)
        other = neighbours[split, slot]
        match = best_matches(unit.detach(), token[split], token[other], length[other])
        cosine = (F.embedding(token[split], unit) * F.embedding(match, unit)).sum(-1)
        score = (cosine * rows_in_use(length[split], self.size)).sum(-1)
        return score.new_zeros(neighbours.shape).index_put((split, slot), score)

    def forward(self, own: Tensor, retrieved: Tensor | None) -> Tensor:
        """The input of the layers for a block of splits.

        Args:
            own: (b, R, d) the first R rows of the splits; padding is zero.
            retrieved: (b, k S, d) the weighted neighbours, missing ones zero; None if no split has neighbours.

        Returns:
            (b, R, d) compressed; without compression the concatenation, (b, k S + R, d) or (b, R, d).
        """
        rows, start = own.shape[1], self.k * self.size
        if self.down_proj is None:
            return own if retrieved is None else torch.cat([retrieved.to(own.dtype), own], dim=1)
        mixed = multiply_each(self.down_proj[:rows, start : start + rows], own)
        if retrieved is not None:
            mixed = mixed + multiply_each(self.down_proj[:rows, :start], retrieved)
        return mixed + own if self.residual else mixed
