"""ONNX Runtime as an engine."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.engines.onnx import Arrays, Exported, Graph, Run, export


def in_onnx_runtime(
    model: nn.Module, sample: Mapping[str, Tensor], quantize: str, threads: int
) -> tuple[nn.Module, float]:
    """The exported model in a session on the CPU, and its size on disk in MiB.

    Args:
        model: in evaluation mode.
        sample: its inputs, (batch, length).
        quantize: ``none`` or ``int8`` (dynamic quantisation of matrix products with weights, with one scale per column).
        threads: of the processor.

    Raises:
        UnsupportedError: the model cannot be exported.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph = export(model, sample, folder, lambda file: session(file, threads))
        file = _quantised(graph) if quantize == "int8" else graph.file
        size = sum(part.stat().st_size for part in folder.glob(f"{file.name}*")) / 2**20
        return Exported(session(file, threads), graph), size


def session(file: Path, threads: int) -> Run:
    """A session that runs an ONNX file on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    loaded = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(arrays: Arrays) -> Sequence[NDArray[np.generic]]:
        found: list[NDArray[np.generic]] = loaded.run(None, dict(arrays))
        return found

    return run


def _quantised(graph: Graph) -> Path:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.getLogger().setLevel(logging.ERROR)
    source, file = graph.file, graph.file.with_name("quantised.onnx")
    if not graph.optimized:
        # In one file: onnx's checker refuses the link that the preparation makes to weights in a file beside it.
        whole, source = source.with_name("whole.onnx"), source.with_name("folded.onnx")
        onnx.save_model(onnx.load(graph.file), whole)
        quant_pre_process(str(whole), str(source), skip_symbolic_shape=True)
    # The exporter's optimizer leaves shapes of weights that it has transposed; the quantiser infers all shapes itself.
    prepared = onnx.load(source, load_external_data=False)
    del prepared.graph.value_info[:]
    onnx.save_model(prepared, source)
    quantize_dynamic(
        str(source),
        str(file),
        op_types_to_quantize=["MatMul", "Gemm"],  # left to itself it gives each table of embeddings one scale
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    return file
