"""The executor of a cluster, see `harness.scheduling.executor`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from harness.cells.paths import with_paths
from harness.cells.request import Request
from harness.errors import InputError, first_line
from harness.machine.tracking import Curves
from harness.scheduling.executor import Failure, Finished, Job, run_in_threads
from harness.scheduling.ray.arrival import adopt
from harness.scheduling.ray.connection import Ray, RemoteFunction, connected
from harness.scheduling.ray.node import NodeJob, Reply, run_on_node
from harness.scheduling.ray.resources import Resources
from harness.scheduling.ray.scratch import scratch_folder
from harness.store import Store

POLL_S = 5.0
PATIENCE_S = 120.0
"""How long a cluster may be without any node that could run a cell."""
RETRIES = 5
"""How often a cell is run again because its node was lost."""


@dataclass(frozen=True)
class RayCluster:
    """The executor of a cluster, see `harness.scheduling.executor.Executor`.

    Attributes:
        store: where results go.
        address: ``local`` for a cluster of this machine alone, ``auto`` for one that runs here, ``HOST:PORT`` of a
            head node, or ``ray://HOST:PORT``.
        resources: of each cell.
        workers: cells at a time; ``None`` for as many as fit on the cluster.
        curves: where the curves of training go.
        command: the harness on the nodes, replaced in tests.
    """

    store: Store
    address: str
    resources: Resources
    workers: int | None = None
    curves: Curves | None = None
    command: tuple[str, ...] | None = None

    def run(self, jobs: Iterable[Job | None]) -> Generator[Finished, None, None]:
        """See `harness.scheduling.executor.Executor.run`.

        Raises:
            InputError: Ray is not installed, the cluster cannot be reached, or none of its nodes has the resources.
        """
        with scratch_folder() as scratch:
            ray = connected(self.address, scratch)
            try:
                session = _Session(self, ray)
                workers = self.workers or session.room()
                yield from run_in_threads(jobs, workers, session.run, session.end)
            finally:
                ray.shutdown()


class _Session:
    """A connection to a cluster and what runs there."""

    def __init__(self, cluster: RayCluster, ray: Ray) -> None:
        self._cluster, self._ray = cluster, ray
        amounts = cluster.resources.as_ray_knows_them()
        self._on_node: RemoteFunction = ray.remote(run_on_node).options(
            num_cpus=amounts["CPU"], num_gpus=amounts.get("GPU", 0), memory=amounts.get("memory"), max_retries=RETRIES
        )
        self._running: set[object] = set()
        self._ended = threading.Event()

    def room(self) -> int:
        """How many cells the cluster can run at a time.

        Raises:
            InputError: no node could run even one.
        """
        resources, nodes = self._cluster.resources, self._nodes()
        if room := sum(resources.fit_into(node) for node in nodes):
            return room
        largest: dict[str, float] = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), default={})
        raise InputError(
            f"no node of the Ray cluster has {resources} for a cell; the largest has {largest.get('CPU', 0):g} CPU, "
            f"{largest.get('GPU', 0):g} GPU and {largest.get('memory', 0) / 2**20:.0f} MiB; ask for less per cell"
        )

    def run(self, job: Job) -> Finished:
        """Run a job on some node and keep its result."""
        cluster, request, began = self._cluster, job.request, time.monotonic()
        plugins = [(Path(file).name, Path(file).read_bytes()) for file in request.plugins]
        sent = Job(job.key, _with_absolute_paths(request))
        ref = self._on_node.remote(
            NodeJob(
                sent,
                plugins,
                cluster.resources.cpus,
                cluster.curves.trackers if cluster.curves else (),
                cluster.command,
            )
        )
        self._running.add(ref)
        reply = self._reply(ref, began)
        self._running.discard(ref)
        if isinstance(reply.outcome, Failure):
            return Finished(job.key, reply.outcome, reply.seconds, reply.log)
        folder = adopt(cluster.store, reply.outcome, reply.predictions, reply.node, request)
        if cluster.curves and reply.curves:
            place = cluster.curves.of_run(folder.name).folder
            place.mkdir(parents=True, exist_ok=True)
            for name, content in reply.curves.items():
                (place / name).write_bytes(content)
        return Finished(job.key, reply.outcome, reply.seconds)

    def end(self) -> None:
        """End what still runs."""
        self._ended.set()
        for ref in list(self._running):
            with contextlib.suppress(Exception):
                self._ray.cancel(ref, force=True)

    def _reply(self, ref: object, began: float) -> Reply:
        """Wait for a node's reply; a failure of the cluster becomes one."""
        exceptions = self._ray.exceptions
        log = ""
        try:
            self._wait_for(ref)
            reply = cast(Reply, self._ray.get(ref))
            if not isinstance(reply.outcome, Failure):
                return reply
            return replace(reply, outcome=replace(reply.outcome, error=f"on node {reply.node}: {reply.outcome.error}"))
        except SystemExit:  # Ray raises it in a thread that waits when the cluster is gone
            sentence = "the connection to the Ray cluster was lost; run the sweep again when the cluster is back"
            failure = Failure("failed", sentence)
        except TimeoutError as error:
            failure = Failure("failed", str(error))
        except exceptions.OutOfMemoryError as error:
            failure, log = Failure("oom", first_line(error, 300)), str(error)
        except exceptions.RayError as error:
            sentence = f"{type(error).__name__} on the Ray cluster: {first_line(error, 300)}"
            failure, log = Failure("failed", sentence), str(error)
        return Reply("", failure, time.monotonic() - began, log)

    def _wait_for(self, ref: object) -> None:
        """Wait until a result is ready.

        Raises:
            TimeoutError: the sweep was stopped, or the cluster has had no suitable node for too long.
        """
        nodes_seen = time.monotonic()
        resources = self._cluster.resources
        while not self._ray.wait([ref], timeout=POLL_S)[0]:
            if self._ended.is_set():
                raise TimeoutError("the sweep was stopped")
            if any(resources.fit_into(node) for node in self._nodes()):
                nodes_seen = time.monotonic()
            elif time.monotonic() - nodes_seen > PATIENCE_S:
                self._ray.cancel(ref, force=True)
                raise TimeoutError(f"the Ray cluster has had no node with {resources} for {PATIENCE_S:.0f} s")

    def _nodes(self) -> list[dict[str, float]]:
        """The resources of each node that is alive."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]


def _with_absolute_paths(request: Request) -> Request:
    """The request with absolute paths: a node works in a folder of its own."""
    data_dir = request.data_dir and str(Path(request.data_dir).resolve())
    return replace(with_paths(request, _absolute), data_dir=data_dir)


def _absolute(text: str) -> str:
    path = Path(text).expanduser()
    return str(path.resolve()) if text and path.exists() else text
