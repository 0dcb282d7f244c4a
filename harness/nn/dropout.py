"""Dropout masks on a CPU, four elements from every random word.

torch asks its generator for one number per element, one after the other on one core: for MiniLM on 184 tokens that took more
than a third of fine-tuning. Sixteen bits per element are enough: the dropout rate is then off by less than 1e-5.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_BITS = 16
_LEVELS = 2**_BITS


@contextmanager
def quick_masks() -> Iterator[None]:
    """Within the block ``bernoulli_`` of a CPU tensor, from which torch makes dropout masks, is several times as fast.

    The masks still come from torch's generator, so the seed and the state in a checkpoint decide them as usual. Dropout modules
    and the attention of torch.nn.functional both use it; other devices and other random numbers are unaffected.
    """
    with torch.library._scoped_library("aten", "IMPL") as library:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Warning only once for all operators")  # replacing a kernel is intended
            library.impl("bernoulli_.float", _bernoulli_, "CPU")
        yield


def _bernoulli_(self: torch.Tensor, p: float = 0.5, *, generator: torch.Generator | None = None) -> torch.Tensor:
    """The parameters have the names and order of torch's schema of the operator."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    ones = round(p * _LEVELS)
    if ones in (0, _LEVELS):
        return self.fill_(ones == _LEVELS)
    words = torch.empty(-(-self.numel() * _BITS // 64), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    levels = words.view(torch.int16)[: self.numel()].view(self.shape)
    return self.copy_(levels < ones - _LEVELS // 2)
