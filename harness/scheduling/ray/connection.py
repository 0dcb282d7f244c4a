"""Reaching a cluster, or saying within seconds why not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import InputError, first_line
from harness.machine.provenance import processors
from harness.own_packages import PACKAGES, ROOT

PROBE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 40.0
"""Below the minute after which Ray would end this process itself."""
_OBJECT_STORE_BYTES = 128 * 2**20


def connected(address: str, scratch: Path) -> Any:
    """Ray, connected to the cluster, with the code on its way to every node.

    Args:
        address: see `harness.scheduling.ray.executor.RayCluster`.
        scratch: an empty folder for the code and the files of a local cluster, which both need it until the end.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--ray needs the package ray; pip install 'ray[default]'")
    if address not in ("local", "auto"):
        _probe(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a cell that asked for no GPU sees none
    import ray

    code = scratch / "code"
    copy_code(code)
    environment = {"working_dir": str(code)}
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False, "runtime_env": environment}
    if address == "local":
        options |= {
            "num_cpus": processors(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_temp_dir": str(scratch),
        }
    failure: list[Exception] = []

    def connect() -> None:
        try:
            ray.init(address=address, **options)
        except Exception as error:
            failure.append(error)

    if address == "local":
        connect()  # not in a thread: Linux ends the processes of a local cluster with the thread that started them
    elif not _ends_within(CONNECT_TIMEOUT_S, connect):
        failure.append(TimeoutError(f"no answer within {CONNECT_TIMEOUT_S:.0f} s"))
    for error in failure:
        raise InputError(f"the Ray cluster at {address!r} cannot be used: {first_line(error, 300)}") from error
    return ray


def _ends_within(seconds: float, work: Callable[[], None]) -> bool:
    """Whether work ends in time; what listens at an address may be no Ray at all, and then a connection never ends."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def _probe(address: str) -> None:
    """Find out within seconds whether anything listens there; Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise InputError(f"--ray takes local, auto, HOST:PORT or ray://HOST:PORT, not {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=PROBE_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers at {address} ({error}); start one with 'ray start --head', or use --ray local"
        ) from error


def copy_code(folder: Path) -> None:
    """The harness's own packages, as they are here, side by side."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
