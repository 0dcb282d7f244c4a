"""OpenVINO as an engine, on the CPU."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.engines.onnx import Arrays, Exported, Run, export

if TYPE_CHECKING:
    import openvino


def in_open_vino(
    model: nn.Module, sample: Mapping[str, Tensor], quantize: str, threads: int
) -> tuple[nn.Module, float]:
    """The exported model, compiled for the CPU, and its size on disk in MiB.

    Args:
        model: in evaluation mode.
        sample: its inputs, (batch, length).
        quantize: ``none``; ``int8`` (weights of layers and embeddings compressed by nncf, with one scale per output or row, and
            activations quantised as they come by the CPU plug-in); or ``bf16`` (matrix products in bfloat16).
        threads: of the processor.

    Raises:
        UnsupportedError: the model cannot be exported.
    """
    import openvino

    core = openvino.Core()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph = export(model, sample, folder, lambda file: compiled(core, core.read_model(file), "f32", threads))
        read = core.read_model(graph.file)
        if quantize == "int8":
            read = _compressed(read)
        saved = folder / "openvino" / "model.xml"
        openvino.save_model(read, saved, compress_to_fp16=False)
        size = sum(part.stat().st_size for part in saved.parent.iterdir()) / 2**20
        run = compiled(core, read, "bf16" if quantize == "bf16" else "f32", threads)
        return Exported(run, graph), size


def compiled(core: openvino.Core, model: openvino.Model, precision: str, threads: int) -> Run:
    """A model compiled for the CPU.

    Args:
        core: of OpenVINO.
        model: to compile.
        precision: ``f32`` or ``bf16``; left to itself OpenVINO takes bf16 on some processors.
        threads: of the processor.
    """
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    loaded = core.compile_model(model, "CPU", settings)
    outputs = range(len(loaded.outputs))

    def run(arrays: Arrays) -> Sequence[NDArray[np.generic]]:
        found = loaded(dict(arrays))
        return [found[place] for place in outputs]

    return run


def _compressed(model: openvino.Model) -> openvino.Model:
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
