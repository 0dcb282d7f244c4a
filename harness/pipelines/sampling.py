"""Training on a part of the train split: the same part for every model, seed and recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def sample(examples: Sequence[T], limit: int | None) -> Sequence[T]:
    """A fixed random sample of at most ``limit`` examples, in their original order."""
    if limit is None or limit >= len(examples):
        return examples
    chosen = np.random.default_rng(0).choice(len(examples), size=limit, replace=False)
    return [examples[index] for index in sorted(chosen)]
