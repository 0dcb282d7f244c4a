"""Settings and limits of a bench, checked against this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from harness.cells.recipe_field import Bounds
from harness.cost.points import Limits, Settings
from harness.engines import Choice
from harness.errors import InputError
from harness.machine import memory, provenance
from models.attention.names import Attention

SHORTEST_TIMEOUT_S = 1.0
SPARE_MIB = 512
"""Part of the free memory that is left to the rest of the machine."""

Mode = Literal["inference", "training"]
Precision = Literal["fp32", "bf16"]


def settings_of(
    *,
    size: str = "tiny",
    mode: Mode = "inference",
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    precision: Precision | None = None,
    attention: Attention = "best",
    threads: int | None = None,
    extend_positions: bool = False,
    batch_sizes: tuple[int | None, ...] = (),
    choices: tuple[Choice, ...] = (Choice(),),
    texts: str = "",
) -> Settings:
    """The settings of all points of a bench on this machine.

    Args:
        precision: ``None`` for bf16 where the machine is fast at it and torch alone is measured without quantisation, else fp32.
        threads: of the processor; ``None`` for all.
        size, mode, batch_size, tokens_per_batch, attention, extend_positions, batch_sizes, choices, texts: see `Settings`.

    Raises:
        InputError: this machine has fewer processors or no such attention kernel, or two rules for batches are given.
    """
    if batch_size is not None and tokens_per_batch is not None:
        raise InputError("batch_size and tokens_per_batch are two rules for one batch; leave one out")
    from models.attention.kernels import check_machine

    _check_choices(choices, mode, precision)
    if precision is None and any(choice.exports or choice.quantize != "none" for choice in choices):
        precision = "fp32"  # so that engines are compared in one precision
    threads = check_threads(threads)
    check_machine(attention)
    used, machine = precision_and_machine(precision)
    return Settings(
        size=size,
        precision=used,
        machine=machine,
        threads=threads,
        mode=mode,
        batch_size=batch_size,
        tokens_per_batch=tokens_per_batch,
        attention=attention,
        extend_positions=extend_positions,
        batch_sizes=batch_sizes,
        choices=choices,
        texts=texts,
    )


def _check_choices(choices: Sequence[Choice], mode: str, precision: str | None) -> None:
    """Refuse what only torch without quantisation can do."""
    for choice in choices:
        beyond_torch = choice.exports or choice.quantize != "none"
        if beyond_torch and mode == "training":
            raise InputError(
                f"--mode training runs in torch without quantisation, not with {choice.label}; leave it out"
            )
        if beyond_torch and precision == "bf16" and choice.quantize != "bf16":
            raise InputError(
                f"--precision bf16 is torch's mixed precision, which {choice.label} does not have; use --quantize bf16"
            )


def check_threads(threads: int | None) -> int:
    """The number of threads: the given one, or one for each processor that this process may use.

    Raises:
        InputError: there are fewer processors.
    """
    available = provenance.processors()
    if threads is not None and not 1 <= threads <= available:
        raise InputError(f"--threads must be from 1 to the {available} processors of this machine, not {threads}")
    return threads or available


def precision_and_machine(precision: Precision | None = None) -> tuple[Precision, str]:
    """The precision to use, and the name of the machine with its version of torch."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else provenance.cpu_name()
    return precision or provenance.fast_precision(), f"{device}, torch {torch.__version__}"


def limits_of(timeout_s: float, memory_mib: int | None, min_repetitions: int, min_seconds: float) -> Limits:
    """The limits of each point.

    Args:
        timeout_s: seconds of a point.
        memory_mib: private memory of a point; ``None`` for the free memory minus `SPARE_MIB`.
        min_repetitions, min_seconds: repetitions continue until both are reached.

    Raises:
        InputError: a value is out of its range.
    """
    timeouts = Bounds(f"at least {SHORTEST_TIMEOUT_S:g} s", lambda value: SHORTEST_TIMEOUT_S <= value < math.inf)
    if wrong := timeouts.refusal(timeout_s):
        raise InputError(f"--point-timeout {wrong}")
    if min_repetitions < 1:
        raise InputError(f"--min-repetitions must be at least 1, not {min_repetitions}")
    times = Bounds(f"from 0 to below the point timeout of {timeout_s:g} s", lambda value: 0 <= value < timeout_s)
    if wrong := times.refusal(min_seconds):
        raise InputError(f"--min-seconds {wrong}")
    if memory_mib is not None and memory_mib < 1:
        raise InputError(f"--memory-limit must be at least 1 MiB, not {memory_mib}")
    limit = memory_mib or max(memory.available_mib() - SPARE_MIB, 1)
    return Limits(timeout_s, limit, min_repetitions, min_seconds)
