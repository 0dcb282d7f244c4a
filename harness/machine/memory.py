"""Memory of this process as the kernel counts it: the high-water mark, and a limit.

Linux tells both: ``VmHWM`` in /proc/self/status is the most that was resident since the process began, or since 5 was
written to /proc/self/clear_refs (proc(5)).
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_SIGNS_OF_NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
    "could not create a memory",
    "resource temporarily unavailable",
)


def status_mib(field: str) -> float | None:
    """A size of /proc/self/status, such as ``VmRSS`` or ``VmData``, in MiB; ``None`` where the system has none."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith(field + ":")]
    return int(values[0]) / 1024 if values else None


def reset_high_water_mark() -> bool:
    """Let ``VmHWM`` start again from what is resident now; false where the system does not permit it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def give_back() -> None:
    """Return freed memory to the system, so that it is counted again when it is used again."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return


def limit_memory(mib: int) -> None:
    """Have the kernel refuse this process more than ``mib`` MiB of private memory (its heap and anonymous maps).

    RLIMIT_DATA and not RLIMIT_AS: libraries map gigabytes of addresses that never become memory. An allocation past the
    limit fails as it does on a full machine, and no other process is killed for it.

    Raises:
        MemoryError: the process holds more already.
    """
    import resource

    held = status_mib("VmData")
    if held is not None and held >= mib:
        raise MemoryError(f"the memory limit of {mib} MiB is less than the {held:.0f} MiB that torch alone takes")
    resource.setrlimit(resource.RLIMIT_DATA, (mib * 2**20, resource.RLIM_INFINITY))


def available_mib() -> int:
    """Memory that a point could have without swapping, in MiB: of the GPU if there is one, else what is free of the machine's.

    A control group that allows less is heeded.
    """
    import psutil
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory) >> 20
    available = int(psutil.virtual_memory().available) >> 20
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            left = int(Path(limit).read_text(encoding="ascii")) - int(Path(used).read_text(encoding="ascii"))
        except (OSError, ValueError):  # no such group, or "max"
            continue
        available = min(available, left >> 20)
    return available


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since the machine started."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def says_out_of_memory(error: str) -> bool:
    """Whether an error's text is how torch or one of its libraries says that memory ended."""
    return any(sign in error.lower() for sign in _SIGNS_OF_NO_MEMORY)


def sentence(error: str, limit_mib: int) -> str:
    """What torch says when memory ends, for people: how much was asked for, and what the limit is."""
    asked = re.search(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", error, re.IGNORECASE)
    if asked is None:
        return (error.strip().splitlines() or ["memory ended"])[0][:300]
    mib = float(asked[1]) * {"bytes": 2**-20, "kib": 2**-10, "mib": 1, "gib": 2**10}[asked[2].lower()]
    return f"a tensor of {mib:,.0f} MiB did not fit under the limit of {limit_mib:,} MiB"
