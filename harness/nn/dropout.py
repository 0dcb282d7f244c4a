"""Dropout's masks on a CPU, four elements from every random word.

torch asks its generator for one number an element, one after the other on one core: for MiniLM on 184 tokens that was more
than a third of fine-tuning. Sixteen bits an element are enough, since the rate of dropout is then off by less than 1e-5.
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
    """Within it ``bernoulli_`` of a CPU tensor, from which torch makes dropout's masks, is several times as fast.

    The masks come from torch's generator, so that a seed, and the state in a checkpoint, decide them as they do without.
    Modules and the attention of torch.nn.functional take part alike; other devices and other random numbers are untouched.
    """
    with torch.library._scoped_library("aten", "IMPL") as library:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Warning only once for all operators")  # to replace a kernel is the point
            library.impl("bernoulli_.float", _bernoulli_, "CPU")
        yield


def _bernoulli_(self: torch.Tensor, p: float = 0.5, *, generator: torch.Generator | None = None) -> torch.Tensor:
    """As torch's schema of the operator has it, in names and order."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    ones = round(p * _LEVELS)
    if ones in (0, _LEVELS):
        return self.fill_(ones == _LEVELS)
    words = torch.empty(-(-self.numel() * _BITS // 64), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    levels = words.view(torch.int16)[: self.numel()].view(self.shape)
    return self.copy_(levels < ones - _LEVELS // 2)
