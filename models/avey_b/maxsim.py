"""MaxSim between the splits of a text: the sum over one's tokens of their largest cosine with a token of the other."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.avey_b.splits import rows_in_use

IDS_AT_A_TIME = 1024
"""Columns of the matrix of cosines that exist at one time: enough for a fast product, and little memory."""

PAIRS_AT_A_TIME = 32
"""Pairs of splits whose S x S cosines exist at one time."""


def maxsim_by_distinct_ids(unit: Tensor, token: Tensor, length: Tensor) -> Tensor:
    """MaxSim of every pair of splits of one text, exact, without comparing every pair of tokens.

    A cosine depends on two ids only, so that each pair of *distinct* ids is multiplied once, however long the text.

    Args:
        unit: (U, d) vectors of length one.
        token: (N, S) which vector each row of each split is.
        length: (N,) rows of each split that are tokens, none of them 0.

    Returns:
        (N, N): in row i and column j the sum over tokens `t` of split i of the largest cosine of `t` with a token of j.
    """
    in_use = rows_in_use(length, token.shape[1])
    distinct, local = torch.unique(token[in_use], return_inverse=True)
    unit = F.embedding(distinct, unit)
    cell = in_use.nonzero()[:, 0] * len(unit) + local
    count = torch.bincount(cell, minlength=len(token) * len(unit)).view(len(token), len(unit))
    members = [row.nonzero().squeeze(1) for row in count]
    scores = unit.new_zeros(len(token), len(token))
    for start in range(0, len(unit), IDS_AT_A_TIME):
        ids = slice(start, start + IDS_AT_A_TIME)
        cosines = unit @ unit[ids].T
        largest = torch.stack([cosines.index_select(0, held).amax(0) for held in members], dim=1)
        scores.addmm_(count[:, ids].to(unit.dtype), largest)
    return scores


def maxsim_of_all_pairs(unit: Tensor, token: Tensor, length: Tensor) -> Tensor:
    """The same in shapes that do not depend on the tokens, as export needs them: quadratic, and splits may be empty."""
    rows = F.embedding(token, unit)
    in_use = rows_in_use(length, token.shape[1])
    cosines = torch.einsum("itd,jud->ijtu", rows, rows).masked_fill(~in_use[:, None], -1)
    return (cosines.amax(-1) * in_use[:, None]).sum(-1)


@torch.no_grad()
def best_matches(unit: Tensor, token: Tensor, other: Tensor, length: Tensor) -> Tensor:
    """For pairs of splits, `token` and `other` (P, S), which vector of the other's is closest to each row (P, S)."""
    matches = []
    for start in range(0, len(token), PAIRS_AT_A_TIME):
        pairs = slice(start, start + PAIRS_AT_A_TIME)
        cosines = torch.bmm(F.embedding(token[pairs], unit), F.embedding(other[pairs], unit).mT)
        cosines.masked_fill_(~rows_in_use(length[pairs], other.shape[1])[:, None], -torch.inf)
        matches.append(other[pairs].gather(1, cosines.argmax(-1)))
    return torch.cat(matches)
