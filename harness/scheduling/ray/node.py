"""Run one cell on a node, in a child process with its own store, and send the result back."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.cells.request import Request
from harness.errors import InputError
from harness.scheduling.executor import Failure, Job
from harness.scheduling.local import ChildOptions, Children, run_child
from harness.scheduling.ray.scratch import scratch_folder
from harness.store import Store
from harness.store.record import RunRecord


@dataclass(frozen=True)
class NodeJob:
    """A job with everything that a node needs for it.

    Attributes:
        job: its request's paths are absolute.
        plugins: name and content of each plug-in file, in the order of the request.
        threads: that the cell computes with.
        trackers: that get the curves of training.
        command: the harness, replaced in tests.
    """

    job: Job
    plugins: Sequence[tuple[str, bytes]]
    threads: int
    trackers: tuple[str, ...]
    command: tuple[str, ...] | None


@dataclass(frozen=True)
class Reply:
    """The answer of a node.

    Attributes:
        node: its host name.
        outcome: the record of a finished run, or the reason why there is none.
        seconds: from start to end.
        log: the last messages of a process that failed.
        predictions: rows of a finished run.
        curves: files of curves, by name.
    """

    node: str
    outcome: RunRecord | Failure
    seconds: float
    log: str = ""
    predictions: Sequence[Mapping[str, object]] = ()
    curves: Mapping[str, bytes] = field(default_factory=dict)


def run_on_node(given: NodeJob) -> Reply:
    """Run a cell in a child process of this node and return its result."""
    node, began = socket.gethostname(), time.monotonic()
    if missing := _missing_path(given.job.request):
        return Reply(node, Failure("failed", missing), time.monotonic() - began)
    with scratch_folder() as scratch:
        store = Store(scratch / "store")
        request = replace(given.job.request, plugins=_written(given.plugins, scratch))
        more = ("--report-to", ",".join(given.trackers)) if given.trackers else ()
        options = ChildOptions(store.folder, given.threads, more, given.command)
        done = run_child(Job(given.job.key, request), options, Children())
        outcome = done.outcome
        if isinstance(outcome, Failure):
            return Reply(node, outcome, done.seconds, done.log)
        if outcome["status"] != "ok":
            return Reply(node, Failure(outcome["status"], outcome["error"]), done.seconds, done.log)
        try:
            predictions = store.all_predictions(outcome)
        except InputError as error:
            return Reply(node, Failure("failed", str(error)), done.seconds, done.log)
        curves = _contents(store.folder / "tensorboard" / store.folder_of(outcome).name)
        return Reply(node, outcome, done.seconds, done.log, predictions, curves)


def plugin_there(number: int, file: str) -> str:
    """The path of a plug-in on a node, relative to the folder of its cell. The file keeps its name, which names the module."""
    return f"plugins/{number}/{Path(file).name}"


def _missing_path(request: Request) -> str | None:
    """A sentence about a folder of the request that does not exist on this node."""
    for option, path in (
        ("--data-dir", request.data_dir),
        ("--weights", request.weights),
        ("--model", request.model),
    ):
        if path and Path(path).is_absolute() and not Path(path).exists():
            return f"{option} {path} does not exist there; put it on a disk that all nodes share, or use the hub"
    return None


def _written(plugins: Sequence[tuple[str, bytes]], folder: Path) -> tuple[str, ...]:
    """Write plug-ins into the folder of a cell; returns their paths."""
    files = []
    for number, (name, content) in enumerate(plugins):
        file = folder / plugin_there(number, name)
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        files.append(str(file))
    return tuple(files)


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*") if file.is_file()}
