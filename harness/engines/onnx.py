"""Export a model to ONNX with batch and length left open, and run the exported graph in place of the model."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.engines.choice import UnsupportedError
from harness.engines.outputs import name_of, replaced, tensors_of
from harness.errors import on_one_line

TOLERANCE = 1e-3
"""Most that an exported graph may differ from the model, relative to its greatest output; rounding gives 1e-5."""
_TEXTS = 2
_TOKENS = range(24, 1025)
"""Size of the batch that is traced: not 1, which the exporter would take for a constant. It has the sample's length within this
range, since a model may take another way for long texts, as Avey-B does for those of several splits."""
_EXPORTABLE = ("sdpa", "eager")
"""Attention kernels that the exporter knows."""

Arrays = Mapping[str, NDArray[np.generic]]
Run = Callable[[Arrays], Sequence[NDArray[np.generic]]]
"""An engine: arrays by input name to arrays in the order of the outputs."""


@dataclass(frozen=True)
class Graph:
    """An exported model.

    Attributes:
        file: the ``.onnx`` file; large weights are in files beside it.
        optimized: whether constants are folded, which quantisation needs.
        output: what the model returned for the traced batch.
        outputs: names of its tensors.
    """

    file: Path
    optimized: bool
    output: Mapping[str, object]
    outputs: tuple[str, ...]


class Exported(nn.Module):
    """A model outside of torch that is called like the model it was made from. It has no parameters and runs on the CPU."""

    def __init__(self, run: Run, graph: Graph) -> None:
        super().__init__()
        self._run, self._output, self._names = run, graph.output, graph.outputs
        self.eval()

    def forward(self, **inputs: Tensor) -> Mapping[str, object]:
        """The outputs in float32, in the kind of output that the model gives.

        Raises:
            MemoryError: the engine could not allocate memory.
        """
        arrays = self._run({name: value.cpu().numpy() for name, value in inputs.items()})
        tensors = [torch.from_numpy(np.asarray(array, np.float32)) for array in arrays]
        return replaced(self._output, dict(zip(self._names, tensors, strict=True)))


def export(model: nn.Module, sample: Mapping[str, Tensor], folder: Path, trial: Callable[[Path], Run]) -> Graph:
    """Write the model into a folder as ONNX.

    Args:
        model: in evaluation mode.
        sample: its inputs, (batch, length). The graph is compared with the model for it too, so it should be of the longest texts:
            a graph may hold for short ones only, such as those of one split of Avey-B.
        folder: is there already.
        trial: opens an exported file, to compare its outputs with the model's.

    Raises:
        UnsupportedError: the model cannot be exported, or the graph gives other outputs than the model.
    """
    traced = _traced_batch(sample)
    exportable = _with_exportable_attention(model)
    with torch.no_grad():
        output = exportable(**traced)
    expected = tensors_of(output)
    difference = float("inf")
    # onnxscript's optimizer drops additions of less than 1e-8, which some models divide by; such a model stays as it is.
    for optimized in (True, False):
        file = folder / f"model-{optimized}.onnx"
        _write(exportable, traced, tuple(expected), file, optimized)
        graph = Graph(file, optimized, output, tuple(expected))
        difference = _difference(expected, trial(file), traced)
        if difference <= TOLERANCE:
            break
    else:
        raise _other_outputs(model, difference, "")
    with torch.no_grad():
        difference = _difference(tensors_of(exportable(**sample)), trial(graph.file), sample)
    if difference <= TOLERANCE:
        return graph
    raise _other_outputs(model, difference, f" for texts of {next(iter(sample.values())).shape[1]} tokens")


def _other_outputs(model: nn.Module, difference: float, where: str) -> UnsupportedError:
    return UnsupportedError(
        f"the exported {name_of(model)} gives other outputs than torch{where} (they differ by {difference:.1g}); "
        "use --engine torch"
    )


def _write(model: nn.Module, batch: Mapping[str, Tensor], outputs: Sequence[str], file: Path, optimized: bool) -> None:
    open_axes = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            # It warns that torchvision, which nobody needs here, is missing.
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            torch.onnx.export(
                _AsTuple(model, outputs, tuple(batch)),
                tuple(batch.values()),
                file,
                input_names=list(batch),
                output_names=list(outputs),
                dynamo=True,
                dynamic_shapes=((open_axes,) * len(batch),),
                optimize=optimized,
                verbose=False,
            )
    except Exception as error:  # the exporter raises anything
        cause = error.__cause__ or error
        raise UnsupportedError(
            f"{name_of(model)} cannot be exported to ONNX with open batch and length ({type(cause).__name__}: "
            f"{on_one_line(cause)}); use --engine torch or compile"
        ) from error


class _AsTuple(nn.Module):
    """A model with positional inputs, whose named outputs come as a tuple."""

    def __init__(self, model: nn.Module, outputs: Sequence[str], inputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self._outputs, self._inputs = model, tuple(outputs), tuple(inputs)

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        output = self.model(**dict(zip(self._inputs, values, strict=True)))
        return tuple(output[name] for name in self._outputs)


def _traced_batch(sample: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A batch like the sample's first text, in which the second text is padded."""
    batch = {}
    for name, value in sample.items():
        length = min(max(value.shape[1], _TOKENS.start), _TOKENS.stop - 1)
        row = value[:1].repeat(1, -(-length // value.shape[1]))[:, :length]
        batch[name] = row.repeat(_TEXTS, 1).clone()
    if "attention_mask" in batch:
        batch["attention_mask"][:] = 1
        batch["attention_mask"][1, -5:] = 0
    return batch


def _with_exportable_attention(model: nn.Module) -> nn.Module:
    """The model, or a copy with torch's own attention if it has a kernel that the exporter does not know."""
    if all(_kernel(module) in _EXPORTABLE for module in model.modules() if isinstance(module, PreTrainedModel)):
        return model
    copied = copy.deepcopy(model)
    for module in copied.modules():
        if isinstance(module, PreTrainedModel) and _kernel(module) not in _EXPORTABLE:
            module.set_attn_implementation("sdpa")
    return copied.eval()


def _kernel(module: PreTrainedModel) -> str:
    return getattr(module.config, "_attn_implementation", None) or "sdpa"


def _difference(expected: Mapping[str, Tensor], run: Run, batch: Mapping[str, Tensor]) -> float:
    """The greatest difference of any output, relative to its greatest value. Hidden states of padding do not count."""
    arrays = run({name: value.numpy() for name, value in batch.items()})
    worst = 0.0
    for want, array in zip(expected.values(), arrays, strict=True):
        got = torch.from_numpy(np.asarray(array, np.float32))
        kept = batch["attention_mask"].bool() if "attention_mask" in batch else None
        if kept is not None and want.shape[:2] == kept.shape:
            want, got = want[kept], got[kept]
        far = (got - want).abs().max().item()
        worst = max(worst, far / max(want.abs().max().item(), 1e-6) if np.isfinite(far) else float("inf"))
    return worst
