"""From the token file to rows: full ones, in an order that seed and epoch alone decide.

The stream is cut into blocks of the longest row. A batch is a number of blocks, cut into shorter rows where the recipe
says so, so that a position in the data is a number of blocks whatever the row length was until then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.nn.masked_rows import cut


class Rows:
    """The rows of a stream of tokens.

    Args:
        stream: (tokens,) ids.
        block: tokens of a block; what is left at the end of the stream is not used.
        first_id: stands at the beginning of every row, as it does of every text in fine-tuning; ``None`` for nothing.
        seed: of the order.
    """

    def __init__(self, stream: NDArray[np.integer], block: int, first_id: int | None, seed: int) -> None:
        self.blocks = stream[: len(stream) // block * block].reshape(-1, block)
        self.first_id, self.seed = first_id, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        """Blocks of one pass."""
        return len(self.blocks)

    def read(self, start: int, count: int, length: int) -> NDArray[np.int64]:
        """Rows (n, length) of the ``count`` blocks from ``start`` on, counted over all passes."""
        chosen = [self._order_of(place // len(self))[place % len(self)] for place in range(start, start + count)]
        return cut(self.blocks[chosen], length, self.first_id)

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self))
            self._epoch = epoch
        return self._order
