"""Masking: which positions of a batch are predicted, and what stands there instead (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.task import IGNORED


@dataclass(frozen=True)
class Masked:
    """A masked batch.

    Attributes:
        input_ids: (rows, length) ids as the model sees them.
        positions: (rows, count) predicted positions of each row, ascending.
        labels: (rows, count) the ids that stood there; -100 in a row that has fewer than ``count`` tokens to predict.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]


class Masker:
    """Masks rows of one tokenizer's ids. Special tokens are never predicted and never a random replacement.

    Args:
        vocabulary: number of ids.
        mask_id: id of the mask token.
        special_ids: ids of all special tokens.
        corruption: per cent of the masked positions that become the mask token, a random token, or stay as they are.
    """

    def __init__(
        self, vocabulary: int, mask_id: int, special_ids: Any, corruption: tuple[int, int, int] = (80, 10, 10)
    ) -> None:
        self.mask_id, self.corruption = mask_id, corruption
        self.is_special = np.zeros(vocabulary, bool)
        self.is_special[list(special_ids)] = True
        self.ordinary = np.flatnonzero(~self.is_special)

    def mask(self, ids: NDArray[np.int64], count: int, generator: np.random.Generator) -> Masked:
        """Mask ``count`` positions of every row.

        Args:
            ids: (rows, length).
            count: the same for every row, so that a batch always has the same shapes.
            generator: decides everything random.
        """
        order = generator.random(ids.shape, dtype=np.float32)
        order[self.is_special[ids]] = 2.0  # after all others
        positions = np.sort(np.argpartition(order, count - 1, axis=1)[:, :count], axis=1)
        labels = np.take_along_axis(ids, positions, axis=1)
        fate = generator.integers(100, size=labels.shape)
        random_ids = self.ordinary[generator.integers(len(self.ordinary), size=labels.shape)]
        as_mask, as_random = self.corruption[0], self.corruption[0] + self.corruption[1]
        seen = np.where(fate < as_mask, self.mask_id, np.where(fate < as_random, random_ids, labels))
        is_special = self.is_special[labels]
        input_ids = ids.copy()
        np.put_along_axis(input_ids, positions, np.where(is_special, labels, seen), axis=1)
        return Masked(input_ids, positions, np.where(is_special, IGNORED, labels))
