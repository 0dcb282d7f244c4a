"""Which attention kernel a model gets on this machine."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from harness.errors import InputError
from models.attention import interface  # noqa: F401 - registers the kernel
from models.attention.names import BEST, KERNELS, LOCAL, Kernel

_FLASH: Kernel = "flash_attention_2"
_FLEX: Kernel = "flex_attention"
_FLAGS: Mapping[str, str] = {
    "sdpa": "_supports_sdpa",
    LOCAL: "_supports_attention_backend",
    _FLASH: "_supports_flash_attn",
    _FLEX: "_supports_flex_attn",
}
"""The flag by which a class of transformers says that it takes a kernel. All that have attention take eager."""


def has_attention(model_class: type[PreTrainedModel]) -> bool:
    """Whether the model has attention layers whose kernel can be chosen."""
    return any(getattr(model_class, flag, False) for flag in _FLAGS.values())


def best(model_class: type[PreTrainedModel], half_precision: bool) -> str | None:
    """The fastest kernel that is exact for this model on this machine.

    Args:
        model_class: of the bare model.
        half_precision: whether it computes in bfloat16, as FlashAttention 2 needs.

    Returns:
        A name of `KERNELS`; None for a model without attention.
    """
    if not has_attention(model_class):
        return None
    if half_precision and _takes(model_class, _FLASH) and missing_for(_FLASH) is None:
        return _FLASH
    return next((kernel for kernel in (LOCAL, "sdpa") if _takes(model_class, kernel)), "eager")


def choose(config: PreTrainedConfig, model_class: type[PreTrainedModel], asked: str, half_precision: bool) -> None:
    """Write the kernel into the config from which a model is built.

    Args:
        config: of the model; a model without attention ignores the kernel.
        model_class: of the bare model.
        asked: a name of `KERNELS`, or `BEST`.
        half_precision: see `best`.

    Raises:
        InputError: the model has attention, but not this kernel, or the machine lacks it.
    """
    if not has_attention(model_class):
        return
    if asked != BEST:
        check_machine(asked)
        if not _takes(model_class, asked):
            others = ", ".join(
                kernel for kernel in (BEST, *KERNELS) if kernel != asked and _possible(model_class, kernel)
            )
            raise InputError(f"{model_class.__name__} has no {asked} kernel; choose --attn {others}")
    kernel = best(model_class, half_precision) if asked == BEST else asked
    config._attn_implementation = kernel
    if kernel == _FLASH:  # a run must repeat bit for bit
        os.environ.setdefault("FLASH_ATTENTION_DETERMINISTIC", "1")
        if hasattr(config, "deterministic_flash_attn"):
            config.deterministic_flash_attn = True


def check_machine(kernel: str) -> None:
    """Check that this machine can run a kernel.

    Raises:
        InputError: it lacks the GPU or the package.
    """
    if missing := missing_for(kernel):
        raise InputError(f"{kernel} needs {missing}; use --attn {BEST}")


def missing_for(kernel: str) -> str | None:
    """What this machine lacks for a kernel; None if nothing."""
    if kernel not in (_FLASH, _FLEX):
        return None
    if not torch.cuda.is_available():
        return "an NVIDIA GPU"
    if kernel == _FLASH and importlib.util.find_spec("flash_attn") is None:
        return "the package flash-attn"
    return None


def _takes(model_class: type[PreTrainedModel], kernel: str) -> bool:
    return bool(getattr(model_class, _FLAGS[kernel], False)) if kernel in _FLAGS else True


def _possible(model_class: type[PreTrainedModel], kernel: str) -> bool:
    return kernel == BEST or (_takes(model_class, kernel) and missing_for(kernel) is None)
