"""Energy from counters. It is missing if no counter can be read, and never estimated."""

from __future__ import annotations

from pathlib import Path

_RAPL = Path("/sys/class/powercap")


def read_joules() -> dict[str, float]:
    """Counters of energy in joules since some earlier moment, by name; empty if none can be read.

    ``rapl``: all processor packages (Intel and AMD, Linux). ``nvml``: the first GPU, where `pynvml` is installed.
    """
    return {name: value for name, value in (("rapl", _rapl()), ("nvml", _nvml())) if value is not None}


def spent(before: dict[str, float], after: dict[str, float], calls: int) -> dict[str, float]:
    """Joules per call between two readings, without counters that wrapped around."""
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
    try:
        pynvml.nvmlInit()
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(0))) / 1e3
    except pynvml.NVMLError:
        return None
