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
    grown = [name for name in before if after.get(name, -1.0) >= before[name]]
    return {name: (after[name] - before[name]) / calls for name in grown} if calls else {}


def _rapl() -> float | None:
    try:
        # Each processor package once: zones within it and the zone of the whole platform would count it twice.
        zones = [zone for zone in _RAPL.glob("intel-rapl:*") if (zone / "name").read_text().startswith("package")]
        counters = [zone / "energy_uj" for zone in zones]
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
