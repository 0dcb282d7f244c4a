"""Build the engine that was chosen for a model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.engines.choice import Choice, UnsupportedError, check
from harness.engines.outputs import name_of
from harness.errors import InputError, on_one_line
from harness.machine import memory


@dataclass(frozen=True)
class Built:
    """A model in an engine.

    Attributes:
        module: takes the inputs of the model as keywords and returns its outputs; in evaluation mode, with the model's config.
        disk_mib: size of the file that holds the model for this engine, in MiB.
        seconds: that building took: export, quantisation and compilation.
    """

    module: nn.Module
    disk_mib: float
    seconds: float


def build(model: nn.Module, sample: Mapping[str, Tensor], choice: Choice, threads: int | None = None) -> Built:
    """The model in an engine, after one call with the sample.

    Args:
        model: an encoder, bare or with a head, in float32. It is put into evaluation mode, moved to the CPU if the engine runs
            there, and not changed otherwise.
        sample: a batch of the longest inputs, each of shape (batch, length), on any device. Later batches may have any size, and
            texts up to that length.
        choice: of the engine.
        threads: of the processor for engines outside of torch; ``None`` for torch's own number.

    Raises:
        InputError: this installation lacks the engine (see `check`).
        UnsupportedError: the engine cannot run this model.
        MemoryError, torch.OutOfMemoryError: there is not enough memory.
    """
    check(choice)
    model.eval()
    model, sample = _on_device_of_engine(model, sample, choice)
    began = time.perf_counter()
    try:
        with torch.inference_mode(choice.engine != "compile" and not choice.exports), torch.no_grad():
            module, disk_mib = _built(model, sample, choice, threads or torch.get_num_threads())
            if choice != Choice():
                module(**sample)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # exporters and compilers raise anything
        if memory.says_out_of_memory(str(error)):
            raise MemoryError(on_one_line(error, 300)) from error
        raise UnsupportedError(
            f"{name_of(model)} does not run with {choice.label}: {type(error).__name__}: {on_one_line(error)}"
        ) from error
    if (config := getattr(model, "config", None)) is not None:
        module.config = config  # an embedding asks its encoder for the width
    return Built(module, disk_mib, time.perf_counter() - began)


def _on_device_of_engine(
    model: nn.Module, sample: Mapping[str, Tensor], choice: Choice
) -> tuple[nn.Module, dict[str, Tensor]]:
    """Model and sample on the CPU if the engine runs there, else both where the model is."""
    if choice.on_cpu:
        model = model.to("cpu")
    device = next(model.parameters(), torch.empty(0)).device
    return model, {name: value.to(device) for name, value in sample.items()}


def _built(model: nn.Module, sample: Mapping[str, Tensor], choice: Choice, threads: int) -> tuple[nn.Module, float]:
    if choice.engine == "onnxruntime":
        from harness.engines.onnx_runtime import in_onnx_runtime

        return in_onnx_runtime(model, sample, choice.quantize, threads)
    if choice.engine == "openvino":
        from harness.engines.open_vino import in_open_vino

        return in_open_vino(model, sample, choice.quantize, threads)
    from harness.engines.in_torch import in_torch

    return in_torch(model, choice)
