"""Linear layers by oneDNN with packed weights, for prediction on a CPU.

torch's float32 layers on a CPU use MKL, which is a fifth slower than oneDNN on AMD's processors; in bfloat16 torch arranges the
weights anew at every call. Packed weights are arranged once. Every encoder gets the same treatment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

ROWS = 2048
"""Rows of the input for which the arrangement is chosen; any number may come."""


class PackedLinear(nn.Module):
    """A linear layer without gradients: (..., n) to (..., m), in the precision of its packed weights."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().to(dtype), ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

    def forward(self, rows: Tensor) -> Tensor:
        """See `torch.nn.functional.linear`."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows.to(self.dtype), self.weight, self.bias, "none", [], ""
        )
        return product


def pack(model: nn.Module, precision: str) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Replace the linear layers of a model by packed ones, if it is on a CPU in float32; their memory is needed twice then.

    Args:
        model: in evaluation mode.
        precision: ``fp32`` or ``bf16``: of the products.

    Returns:
        The replaced layers: parent, name and layer.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    replaced = _linears(model)
    for parent, name, linear in replaced:
        setattr(parent, name, PackedLinear(linear, dtype))
    return replaced


@contextmanager
def packed(model: nn.Module, precision: str) -> Iterator[None]:
    """`pack` for as long as the block runs; the block must not need gradients."""
    replaced = pack(model, precision)
    try:
        yield
    finally:
        for parent, name, linear in replaced:
            setattr(parent, name, linear)


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    """The layers that can be packed, as parent, name and layer."""
    if not torch.backends.mkldnn.is_available() or hasattr(model, "_orig_mod"):  # a compiled model has its own kernels
        return []
    found = [(parent, name, child) for parent in model.modules() for name, child in parent.named_children()]
    return [(parent, name, child) for parent, name, child in found if type(child) is nn.Linear and _fits(child)]


def _fits(linear: nn.Linear) -> bool:
    return linear.weight.device.type == "cpu" and linear.weight.dtype == torch.float32
