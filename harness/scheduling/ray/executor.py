"""The executor of a cluster, see `harness.scheduling.executor`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cells.request import Request
from harness.errors import InputError, first_line
from harness.scheduling.executor import Finished, by_threads
from harness.scheduling.ray.arrival import adopt
from harness.scheduling.ray.connection import connected
from harness.scheduling.ray.node import Reply, run_on_node
from harness.scheduling.ray.resources import Resources
from harness.scheduling.ray.scratch import scratch_folder
from harness.store import Store

POLL_S = 5.0
PATIENCE_S = 120.0
"""A cluster without any node that could run a cell is given so long to get one."""
RETRIES = 5
"""How often a cell runs anew because its node was lost."""


class RayCluster:
    """The executor of a cluster, see `harness.scheduling.executor.Executor`.

    Args:
        store: where results go.
        address: ``local`` for a cluster of this machine alone, ``auto`` for one that runs here, ``HOST:PORT`` of a
            head node, or ``ray://HOST:PORT``.
        resources: of each cell.
        workers: cells at a time; as many as the cluster has room for when ``None``.
        curves: folder for TensorBoard's curves.
        command: the harness on the nodes, replaced in tests.
    """

    def __init__(
        self,
        store: Store,
        address: str,
        resources: Resources,
        workers: int | None = None,
        curves: Path | None = None,
        command: tuple[str, ...] | None = None,
    ) -> None:
        self.store, self.address, self.resources, self.workers = store, address, resources, workers
        self.curves, self.command = curves, command

    def run(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `harness.scheduling.executor.Executor.run`.

        Raises:
            InputError: Ray is not installed, the cluster cannot be reached, or none of its nodes has the resources.
        """
        with scratch_folder() as scratch:
            ray = connected(self.address, scratch)
            try:
                yield from self._run(ray, requests)
            finally:
                ray.shutdown()

    def _run(self, ray: Any, requests: Iterable[Request]) -> Iterator[Finished]:
        amounts = self.resources.as_ray_knows_them()
        on_node = ray.remote(run_on_node).options(
            num_cpus=amounts["CPU"], num_gpus=amounts.get("GPU", 0), memory=amounts.get("memory"), max_retries=RETRIES
        )
        running: set[Any] = set()

        def run(request: Request, stopping: threading.Event) -> Finished:
            plugins = tuple((Path(file).name, Path(file).read_bytes()) for file in request.plugins)
            sent = _with_whole_paths(request)
            ref = on_node.remote(sent, plugins, self.resources.cpus, self.curves is not None, self.command)
            running.add(ref)
            finished = self._outcome(ray, ref, request, stopping)
            running.discard(ref)
            return finished

        def end() -> None:
            for ref in list(running):
                with contextlib.suppress(Exception):
                    ray.cancel(ref, force=True)

        return by_threads(requests, self.workers or self._room(ray), run, end)

    def _room(self, ray: Any) -> int:
        """How many cells the cluster can run at a time.

        Raises:
            InputError: no node could run even one.
        """
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if room := sum(self.resources.fit_into(node) for node in nodes):
            return room
        largest: dict[str, float] = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), default={})
        raise InputError(
            f"no node of the Ray cluster has {self.resources} for a cell; the largest has {largest.get('CPU', 0):g} CPU, "
            f"{largest.get('GPU', 0):g} GPU and {largest.get('memory', 0) / 2**20:.0f} MiB; ask for less per cell"
        )

    def _outcome(self, ray: Any, ref: Any, request: Request, stopping: threading.Event) -> Finished:
        """Wait for a node's reply and keep what it brings."""
        began = nodes_seen = time.monotonic()
        try:
            while not ray.wait([ref], timeout=POLL_S)[0]:
                if stopping.is_set():
                    return Finished(request, "failed", None, "the sweep was stopped", time.monotonic() - began)
                if any(self.resources.fit_into(node["Resources"]) for node in ray.nodes() if node["Alive"]):
                    nodes_seen = time.monotonic()
                elif time.monotonic() - nodes_seen > PATIENCE_S:
                    ray.cancel(ref, force=True)
                    sentence = f"the Ray cluster has had no node with {self.resources} for {PATIENCE_S:.0f} s"
                    return Finished(request, "failed", None, sentence, time.monotonic() - began)
            reply: Reply = ray.get(ref)
        except SystemExit:  # so Ray tells a thread that waits, which would end without a word
            sentence = "the connection to the Ray cluster was lost; run the sweep again when the cluster is back"
            return Finished(request, "failed", None, sentence, time.monotonic() - began)
        except ray.exceptions.OutOfMemoryError as error:
            return Finished(request, "oom", None, first_line(error, 300), time.monotonic() - began, str(error))
        except ray.exceptions.RayError as error:
            sentence = f"{type(error).__name__} on the Ray cluster: {first_line(error, 300)}"
            return Finished(request, "failed", None, sentence, time.monotonic() - began, str(error))
        if reply.status != "ok":
            return Finished(
                request, reply.status, None, f"on node {reply.node}: {reply.error}", reply.seconds, reply.log
            )
        folder = adopt(self.store, reply, request)
        if self.curves:
            place = self.curves / folder.name
            place.mkdir(parents=True, exist_ok=True)
            for name, content in reply.curves.items():
                (place / name).write_bytes(content)
        return Finished(request, "ok", folder, None, reply.seconds)


def _with_whole_paths(request: Request) -> Request:
    """The same with paths of this machine from its root: a node works in a folder of its own."""
    weights = str(Path(request.weights).resolve()) if Path(request.weights).is_dir() else request.weights
    return replace(request, weights=weights, data_dir=request.data_dir and str(Path(request.data_dir).resolve()))
