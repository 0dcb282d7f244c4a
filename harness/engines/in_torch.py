"""torch itself as an engine: as it is, compiled, or quantised."""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from harness.engines.choice import Choice, UnsupportedError
from harness.engines.outputs import replaced, tensors_of


def in_torch(model: nn.Module, choice: Choice) -> tuple[nn.Module, float]:
    """The model, quantised and compiled as chosen, and its size on disk in MiB.

    Raises:
        UnsupportedError: this version of torch has no dynamic quantisation.
    """
    if choice.quantize == "int8":
        model = Rounded(_with_int8_linears(model))
    elif choice.quantize == "bf16":
        model = Rounded(copy.deepcopy(model).to(torch.bfloat16))
    size = _saved_mib(model)
    return (cast(nn.Module, torch.compile(model)) if choice.engine == "compile" else model), size


class Rounded(nn.Module):
    """A model with rounded weights, whose outputs are float32.

    Autocast is off in it: a model in bfloat16 computes everything in it, and int8 layers take float32 and nothing else.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: Tensor) -> Mapping[str, object]:
        """The model's outputs in float32."""
        with torch.autocast(next(iter(inputs.values())).device.type, enabled=False):
            output = self.model(**inputs)
        return replaced(output, {name: value.float() for name, value in tensors_of(output).items()})


def _with_int8_linears(model: nn.Module) -> nn.Module:
    """A copy whose linear layers hold int8 weights and quantise their inputs as they come, by torch's dynamic quantisation.

    Raises:
        UnsupportedError: this version of torch has none.
    """
    try:
        from torch.ao.quantization import quantize_dynamic
    except ImportError as error:
        raise UnsupportedError(
            f"torch {torch.__version__} has no dynamic quantisation; use --engine onnxruntime or openvino for int8"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each call says that torch.ao will be removed
        quantised: nn.Module = quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    return quantised.eval()


def _saved_mib(model: nn.Module) -> float:
    """The size of the saved weights, in MiB. Packed int8 weights have no other measure."""
    handle, name = tempfile.mkstemp(suffix=".pt")
    os.close(handle)
    try:
        torch.save(model.state_dict(), name)
        return Path(name).stat().st_size / 2**20
    finally:
        Path(name).unlink()
