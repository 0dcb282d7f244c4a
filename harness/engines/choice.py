"""The engines and quantisations that can be chosen, and whether this installation has them. Imports no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from harness.cells.engine_precision import EXPORTING, precision_of
from harness.cells.request import deployment
from harness.errors import InputError

ENGINES = ("torch", "compile", "onnxruntime", "openvino")
QUANTIZATIONS = ("none", "int8", "bf16")

_PACKAGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "onnxruntime": ("onnx", ("onnx", "onnxscript", "onnxruntime")),
    "openvino": ("openvino", ("onnx", "onnxscript", "openvino")),
}
"""Of each engine beside torch: the extra that installs it, and the packages it needs."""


class UnsupportedError(InputError):
    """This engine cannot run this model: one sentence with the reason."""


@dataclass(frozen=True)
class Choice:
    """An engine and a quantisation.

    Attributes:
        engine: one of `ENGINES`.
        quantize: one of `QUANTIZATIONS`. ``int8``: weights of linear layers in int8 and activations quantised as they come,
            without calibration data; OpenVINO also stores embeddings in int8, with a scale per row. ``bf16``: the model in
            bfloat16.
    """

    engine: str = "torch"
    quantize: str = "none"

    @property
    def exports(self) -> bool:
        """Whether the model leaves torch."""
        return self.engine in EXPORTING

    @property
    def on_cpu(self) -> bool:
        """Whether the model runs on the CPU even if the machine has a GPU: torch's int8 layers have no other kernels."""
        return self.exports or self.quantize == "int8"

    @property
    def label(self) -> str:
        """What a table adds to a model's name: ``openvino int8``; empty for torch without quantisation."""
        return deployment(self.engine, self.quantize)

    def precision(self, asked: str) -> str:
        """The precision in which the engine computes, see `harness.cells.engine_precision`."""
        return precision_of(asked, self.engine, self.quantize)


def check(choice: Choice) -> None:
    """Check a choice against this installation.

    Raises:
        InputError: there is no such engine or quantisation, its packages are not installed, or the engine has no such
            quantisation.
    """
    for what, name, known in (
        ("engine", choice.engine, ENGINES),
        ("quantisation", choice.quantize, QUANTIZATIONS),
    ):
        if name not in known:
            raise InputError(f"there is no {what} {name!r}; choose from {', '.join(known)}")
    if choice.engine in _PACKAGES:
        _check_packages(choice)
    if choice.engine == "onnxruntime" and choice.quantize == "bf16":
        raise InputError(
            "onnxruntime has no bf16 on processors; use --quantize none or int8, or --engine openvino for bf16"
        )
    if choice.engine == "compile":
        _check_compiler()


def _check_packages(choice: Choice) -> None:
    extra, packages = _PACKAGES[choice.engine]
    if choice.engine == "openvino" and choice.quantize == "int8":
        packages = (*packages, "nncf")
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(
            f"--engine {choice.engine} needs the package {missing[0]}; install it with pip install 'encoder-harness[{extra}]'"
        )


def _check_compiler() -> None:
    import torch

    if torch.cuda.is_available():
        return
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise InputError(
            "--engine compile needs a C++ compiler, and there is none; install g++ (or name one in the environment variable CXX) "
            "or use --engine torch"
        ) from error
