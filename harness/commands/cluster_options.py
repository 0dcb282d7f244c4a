"""The options of a Ray cluster, for commands that run many cells."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.machine.tracking import Curves
from harness.store import Store

if TYPE_CHECKING:
    from harness.scheduling.ray.executor import RayCluster


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """The cluster's address, and the resources of each cell."""
    cluster = parser.add_argument_group("a Ray cluster (docs/cluster.md)")
    cluster.add_argument(
        "--ray", metavar="ADDRESS", help="run cells on a Ray cluster: HOST:PORT, ray://HOST:PORT, auto, or local"
    )
    cluster.add_argument(
        "--cpus-per-cell", type=int, metavar="N", help="processors, and so threads, of a cell (default 1)"
    )
    cluster.add_argument("--gpus-per-cell", type=float, metavar="N", help="0.5 lets two cells share one (default 0)")
    cluster.add_argument("--memory-per-cell", type=int, metavar="MIB", help="memory that Ray sets aside for a cell")


def cluster_of(options: argparse.Namespace, store: Store, curves: Curves | None) -> RayCluster | None:
    """The cluster that was asked for, if one was.

    Raises:
        InputError: an option is out of its range, or does not go with the others.
    """
    per_cell = {name: getattr(options, name) for name in ("cpus_per_cell", "gpus_per_cell", "memory_per_cell")}
    if options.ray is None:
        for name, value in per_cell.items():
            if value is not None:
                raise InputError(f"--{name.replace('_', '-')} is for cells of a Ray cluster; add --ray ADDRESS")
        return None
    if not options.ray.strip():
        raise InputError("--ray takes an address: HOST:PORT, ray://HOST:PORT, auto or local")
    if options.threads is not None:
        raise InputError("--threads does not go with --ray, where --cpus-per-cell gives a cell's threads")
    from harness.scheduling.ray.executor import RayCluster
    from harness.scheduling.ray.resources import Resources

    cpus, gpus = per_cell["cpus_per_cell"], per_cell["gpus_per_cell"]
    resources = Resources(1 if cpus is None else cpus, 0.0 if gpus is None else gpus, per_cell["memory_per_cell"])
    return RayCluster(store, options.ray, resources, options.workers, curves)
