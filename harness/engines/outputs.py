"""A model and its output as an engine sees them: the model's name, the output's tensors, an output with other tensors."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from harness.engines.choice import UnsupportedError
from models.logits import WithLogits


def name_of(model: nn.Module) -> str:
    """The class of a model as people know it."""
    return type(model.model if isinstance(model, WithLogits) else model).__name__


def tensors_of(output: object) -> dict[str, Tensor]:
    """The output's tensors by name, in its own order.

    Raises:
        UnsupportedError: the output is no mapping, or holds no tensor.
    """
    if not isinstance(output, Mapping):
        raise UnsupportedError(f"the model returns a {type(output).__name__}; an engine needs a dict or a ModelOutput")
    found = {str(name): value for name, value in output.items() if isinstance(value, Tensor)}
    if not found:
        raise UnsupportedError("the model returns no tensor that an engine could give")
    return found


def replaced(output: Mapping[str, object], tensors: Mapping[str, Tensor]) -> Mapping[str, object]:
    """An output of the same class as ``output`` that holds these tensors and nothing else."""
    return type(output)(**tensors)
