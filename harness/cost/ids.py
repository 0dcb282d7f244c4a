"""Token ids with the statistics of text, the same for every model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FIRST_ID = 5
"""Smaller ids are special tokens of the embedded tokenizer."""

DESCRIPTION = "Zipf with exponent 1 over the ids of the smallest vocabulary, seed 0"


def zipf_ids(batch_size: int, length: int, vocabulary: int) -> NDArray[np.int64]:
    """Ids (batch_size, length) in which the r-th most frequent has a probability proportional to 1 / r.

    Real text repeats itself more: 8,192 tokens of docstrings hold 1,500 distinct ids of 8,192, these 2,300. So code that gains
    from repetition (Avey-B's ranking, which multiplies distinct ids only) looks a little too slow, not too fast.

    Source of the law: Zipf, "Human Behavior and the Principle of Least Effort", 1949.
    """
    ranks = np.arange(1, vocabulary - FIRST_ID + 1)
    probabilities = 1 / ranks
    random = np.random.default_rng(0)
    drawn = random.choice(len(ranks), size=(batch_size, length), p=probabilities / probabilities.sum())
    return drawn.astype(np.int64) + FIRST_ID
