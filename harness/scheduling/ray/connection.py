"""Connect to a cluster, or explain within seconds why that fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypedDict, cast

from harness.errors import InputError, first_line
from harness.machine.provenance import processors
from harness.own_packages import PACKAGES, ROOT

PROBE_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 40.0
"""Below the minute after which Ray would end this process itself."""
_OBJECT_STORE_BYTES = 128 * 2**20


class Node(TypedDict):
    """Ray's description of a node."""

    Alive: bool
    Resources: dict[str, float]


class Exceptions(Protocol):
    """The module ``ray.exceptions``."""

    RayError: type[Exception]
    OutOfMemoryError: type[Exception]


class RemoteFunction(Protocol):
    """A function that runs on nodes."""

    def options(self, **options: object) -> RemoteFunction:
        """The same function with other options."""

    def remote(self, *arguments: object) -> object:
        """Start it; returns a reference to its result."""


class Ray(Protocol):
    """The part of the module ``ray`` that the harness uses; ray has no types for it."""

    exceptions: Exceptions

    def remote(self, function: Callable[..., object]) -> RemoteFunction:
        """A function that runs on nodes."""

    def nodes(self) -> Sequence[Node]:
        """All nodes that the cluster has or had."""

    def wait(self, refs: list[object], *, timeout: float) -> tuple[Sequence[object], Sequence[object]]:
        """References whose results are ready, and the others."""

    def get(self, ref: object) -> object:
        """A result."""

    def cancel(self, ref: object, *, force: bool) -> None:
        """End the work of a reference."""

    def shutdown(self) -> None:
        """Leave the cluster, or end a local one."""


def connected(address: str, scratch: Path) -> Ray:
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

    options = _options(address, scratch)
    try:
        if address == "local":
            ray.init(address=address, **options)  # not in a thread: Linux would end the cluster's processes with it
        else:
            _within(CONNECT_TIMEOUT_S, lambda: ray.init(address=address, **options))
    except Exception as error:
        raise InputError(f"the Ray cluster at {address!r} cannot be used: {first_line(error, 300)}") from error
    return cast(Ray, ray)


def _options(address: str, scratch: Path) -> Mapping[str, object]:
    """The options of ``ray.init``."""
    code = scratch / "code"
    copy_code(code)
    options: dict[str, object] = {
        "logging_level": "ERROR",
        "log_to_driver": False,
        "runtime_env": {"working_dir": str(code)},
    }
    if address == "local":
        options |= {
            "num_cpus": processors(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_temp_dir": str(scratch),
        }
    return options


def _within(seconds: float, work: Callable[[], object]) -> None:
    """Run work in a thread with a time limit. A connection to something other than Ray may never end.

    Raises:
        TimeoutError: it did not end in time.
        Exception: the one that the work raised.
    """
    failures: list[Exception] = []

    def do() -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    # A daemon: a thread of the standard library's pool would keep this process from ending.
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    for error in failures:
        raise error


def _probe(address: str) -> None:
    """Check within seconds that something listens there; Ray itself would try for minutes.

    Raises:
        InputError: nothing does, or the address is malformed.
    """
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
    """Copy the harness's own packages into a folder, side by side."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
