"""Energy where a counter can be read, else absent: it is never estimated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_RAPL = Path("/sys/class/powercap")


def read_joules() -> dict[str, float]:
    """Counters of energy in joules since some moment of the past, by name; none where nothing can be read.

    ``rapl``: all processor packages (Intel and AMD, Linux). ``nvml``: the first GPU, where `pynvml` is installed.
    """
    return {name: value for name, value in (("rapl", _rapl()), ("nvml", _nvml())) if value is not None}


def spent(before: dict[str, float], after: dict[str, float], calls: int) -> dict[str, float]:
    """Joules a call between two readings; a counter that wrapped round is left out."""
    return {name: (after[name] - before[name]) / calls for name in before if after.get(name, -1.0) >= before[name]}


def _rapl() -> float | None:
    counters = [zone / "energy_uj" for zone in _RAPL.glob("intel-rapl:*") if zone.name.count(":") == 1]
    try:
        return sum(int(counter.read_text(encoding="ascii")) for counter in counters) / 1e6 if counters else None
    except (OSError, ValueError):
        return None


def _nvml() -> float | None:
    try:
        import pynvml  # type: ignore[import-not-found]
    except ImportError:
        return None
    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(nvml.nvmlDeviceGetHandleByIndex(0))) / 1e3
    except nvml.NVMLError:
        return None
