"""The origin of a number: versions, revision of the code, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.machine import memory
from harness.own_packages import ROOT

if TYPE_CHECKING:
    from harness.store.record import Environment

PACKAGES = (
    "encoder-harness",
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "accelerate",
    "sentence-transformers",
    "mteb",
    "seqeval",
    "numpy",
    "safetensors",
)


def environment() -> Environment:
    """Python, packages, git revision of the harness, processor, threads and platform of this process."""
    import torch

    return {
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "git_revision": git_revision(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
    }


def git_revision() -> str | None:
    """The commit of the harness's own checkout, with ``+changes`` where files differ from it; ``None`` when installed."""
    if not (ROOT / ".git").exists():
        return None
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changes else "")


def cpu_name() -> str:
    """The processor's name according to the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def reset_peak_memory() -> None:
    """Let `peak_memory_mib` begin anew, at the memory that is in use now."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    memory.give_back()
    memory.reset_high_water_mark()


def peak_memory_mib() -> float:
    """The peak memory of this process since `reset_peak_memory`, in MiB: allocated on a GPU, else resident.

    Where the system does not permit a reset, it is the peak since the process began.
    """
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if (peak_mib := memory.status_mib("VmHWM")) is not None:
        return peak_mib
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def fast_precision() -> Literal["fp32", "bf16"]:
    """``bf16`` where this machine multiplies bfloat16 matrices in hardware, else ``fp32``."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    amx, avx = torch.cpu._is_amx_tile_supported(), torch.cpu._is_avx512_bf16_supported()
    return "bf16" if amx or avx else "fp32"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
