"""Count the parameters of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from torch import nn


class ParameterCounts(TypedDict):
    """Parameters of a model. A tensor that several modules share counts once."""

    params_total: int
    params_non_embedding: int
    """Without embedding tables."""


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count the parameters of a model, with and without its embedding tables."""
    from torch import nn

    total = sum(parameter.numel() for parameter in model.parameters())
    tables = {
        id(module.weight): module.weight.numel() for module in model.modules() if isinstance(module, nn.Embedding)
    }
    return {"params_total": total, "params_non_embedding": total - sum(tables.values())}
