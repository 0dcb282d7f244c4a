"""Peak rates of the machine, measured right before the points: of matrix products and of memory.

Points contain their share of these rates, which distinguishes a slow encoder from a slow machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from harness.machine.device import device as compute_device

if TYPE_CHECKING:
    from harness.store.record import Calibration

MATRIX = 2048
TRIAD_MIB = 512
SECONDS = 1.0
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def calibrate() -> Calibration:
    """Rates of this machine with torch's present number of threads.

    Returns:
        ``matmul_flops_per_s`` by precision: the median rate of square products of width 2048.
        ``memory_bytes_per_s``: the median rate of ``a = b + s * c`` over arrays of 512 MiB, 3 transfers per element (the
        triad of McCalpin's STREAM, 1995).
        ``n``: repetitions of each.
    """
    device = compute_device()
    rates, counts = {}, {}
    for name in PRECISIONS:
        rates[name], counts[name] = matmul_rate(name)
    one, two, three = (torch.ones(TRIAD_MIB * 2**18, device=device) for _ in range(3))
    seconds, counts["memory"] = _median_seconds(lambda: torch.add(one, two, alpha=3.0, out=three), device)
    return {
        "matmul_flops_per_s": rates,
        "memory_bytes_per_s": 3 * one.numel() * one.element_size() / seconds,
        "n": counts,
    }


def matmul_rate(precision: str) -> tuple[float, int]:
    """The median rate of square products of width 2048, in FLOP/s, and the number of repetitions."""
    device = compute_device()
    left, right = (torch.randn(MATRIX, MATRIX, device=device).to(PRECISIONS[precision]) for _ in range(2))
    out = torch.empty_like(left)
    seconds, count = _median_seconds(lambda: torch.mm(left, right, out=out), device)
    return 2 * MATRIX**3 / seconds, count


def _median_seconds(call: Callable[[], object], device: torch.device) -> tuple[float, int]:
    """Median time of the calls in one second, and their number; the first call does not count."""
    samples: list[float] = []
    call()
    while sum(samples) < SECONDS or len(samples) < 5:
        _wait(device)
        began = time.perf_counter()
        call()
        _wait(device)
        samples.append(time.perf_counter() - began)
    return sorted(samples)[len(samples) // 2], len(samples)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
