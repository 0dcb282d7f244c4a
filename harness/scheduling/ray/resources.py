"""The resources of a cell on a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import InputError


@dataclass(frozen=True)
class Resources:
    """The resources of one cell on a node.

    Attributes:
        cpus: processors, and threads of the cell.
        gpus: GPUs; a fraction lets cells share one.
        memory_mib: memory that Ray sets aside; ``None`` for no limit.
    """

    cpus: int = 1
    gpus: float = 0.0
    memory_mib: int | None = None

    def __post_init__(self) -> None:
        """Refuse impossible amounts.

        Raises:
            InputError: a value is out of its range.
        """
        if self.cpus < 1:
            raise InputError(f"--cpus-per-cell must be at least 1, not {self.cpus}")
        if self.gpus < 0 or (self.gpus > 1 and not float(self.gpus).is_integer()):
            raise InputError(f"--gpus-per-cell is a part of one GPU or a whole number of them, not {self.gpus:g}")
        if self.memory_mib is not None and self.memory_mib < 1:
            raise InputError(f"--memory-per-cell must be at least 1 MiB, not {self.memory_mib}")

    def as_ray_knows_them(self) -> dict[str, float]:
        """The amounts by Ray's names of resources."""
        memory = {} if self.memory_mib is None else {"memory": self.memory_mib * 2**20}
        return {"CPU": self.cpus, **({"GPU": self.gpus} if self.gpus else {}), **memory}

    def __str__(self) -> str:
        memory = "" if self.memory_mib is None else f" and {self.memory_mib} MiB"
        return f"{self.cpus} CPU" + (f", {self.gpus:g} GPU" if self.gpus else "") + memory

    def fit_into(self, node: Mapping[str, float]) -> int:
        """The number of cells that fit on a node with these resources, by Ray's names."""
        return min(int(node.get(name, 0) // amount) for name, amount in self.as_ray_knows_them().items())
