"""Memory of this process as the kernel counts it: the high-water mark, and a limit.

Linux has both: ``VmHWM`` in /proc/self/status is the largest resident memory since the process began, or since 5 was
written to /proc/self/clear_refs (proc(5)).
"""

from __future__ import annotations

import ctypes
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
    """A size in /proc/self/status, such as ``VmRSS`` or ``VmData``, in MiB; ``None`` if the system does not have it."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith(field + ":")]
    return int(values[0]) / 1024 if values else None


def reset_high_water_mark() -> bool:
    """Reset ``VmHWM`` to the memory that is resident now; returns false if the system does not permit it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def give_back() -> None:
    """Return freed memory to the system, so that using it again counts again.

    Reference cycles are not looked for: with all libraries loaded that takes some 0.3 s, and it would be paid in every loop over batches.
    """
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return


def limit_memory(mib: int) -> None:
    """Limit the private memory of this process (its heap and anonymous maps) to ``mib`` MiB.

    The limit is RLIMIT_DATA, not RLIMIT_AS, because libraries map gigabytes of addresses that they never use. An allocation
    beyond the limit fails as on a full machine, but the kernel kills no other process for it.

    Raises:
        MemoryError: the process already holds more.
    """
    import resource

    held = status_mib("VmData")
    if held is not None and held >= mib:
        raise MemoryError(f"the memory limit of {mib} MiB is less than the {held:.0f} MiB that torch alone needs")
    resource.setrlimit(resource.RLIMIT_DATA, (mib * 2**20, resource.RLIM_INFINITY))


def available_mib() -> int:
    """Memory available without swapping, in MiB: the free memory of the GPU if there is one, else that of the machine.

    A lower limit of a control group counts.
    """
    import psutil
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0]) >> 20
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
    """The number of processes that the kernel has killed for lack of memory since the machine started."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def says_out_of_memory(error: str) -> bool:
    """Whether an error's text is an out-of-memory message of torch or of one of its libraries."""
    return any(sign in error.lower() for sign in _SIGNS_OF_NO_MEMORY)


def sentence(error: str, limit_mib: int) -> str:
    """A readable form of torch's out-of-memory message: the size of the request, and the limit."""
    asked = re.search(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", error, re.IGNORECASE)
    if asked is None:
        return (error.strip().splitlines() or ["memory ended"])[0][:300]
    mib = float(asked[1]) * {"bytes": 2**-20, "kib": 2**-10, "mib": 1, "gib": 2**10}[asked[2].lower()]
    return f"a tensor of {mib:,.0f} MiB did not fit under the limit of {limit_mib:,} MiB"
