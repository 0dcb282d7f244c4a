"""Whether the machine was ours while it was measured: the share of its processor time that other processes took."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

DISTURBED = 0.1
"""From this share on a point is called disturbed."""

_IDLE = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as user time already


@dataclass(frozen=True)
class Reading:
    """Clock and processor seconds at one moment: of the whole machine, and of this process."""

    clock: float
    machine: float
    own: float


def read() -> Reading:
    """The counters now."""
    machine = psutil.cpu_times()._asdict()
    own = psutil.Process().cpu_times()
    busy = sum(seconds for name, seconds in machine.items() if name not in _IDLE)
    return Reading(time.monotonic(), busy, own.user + own.system)


def taken_by_others(before: Reading, after: Reading) -> float | None:
    """The share (0 to 1) of the machine's processor time between two readings that was not this process's.

    Returns:
        ``None`` for spans too short for the system's counters, which tick in hundredths of a second.
    """
    available = (after.clock - before.clock) * (psutil.cpu_count() or 1)
    if available < 0.5:
        return None
    others = (after.machine - before.machine) - (after.own - before.own)
    return min(max(others / available, 0.0), 1.0)
