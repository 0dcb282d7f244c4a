"""Whether other work disturbed a measurement: the share of the machine's processor time that other processes used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

DISTURBED = 0.1
"""A point with at least this share is called disturbed."""

_NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as user time already


@dataclass(frozen=True)
class Reading:
    """Wall-clock seconds, and processor seconds of the whole machine and of this process with its ended children."""

    clock: float
    machine: float
    own: float


def read() -> Reading:
    """The current counters."""
    machine = sum(seconds for name, seconds in psutil.cpu_times()._asdict().items() if name not in _NOT_BUSY)
    return Reading(time.monotonic(), machine, sum(os.times()[:4]))


def taken_by_others(before: Reading, after: Reading) -> float | None:
    """The share (0 to 1) of the machine's processor time between two readings that other processes used.

    Returns:
        ``None`` if the time between them is too short for the system's counters, which tick in hundredths of a second.
    """
    available = (after.clock - before.clock) * (psutil.cpu_count() or 1)
    if available < 0.5:
        return None
    others = (after.machine - before.machine) - (after.own - before.own)
    return min(max(others / available, 0.0), 1.0)
