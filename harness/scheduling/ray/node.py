"""What happens on a node: one cell in a child, in a store that is no one else's, and its files sent back."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.cells.request import Request
from harness.scheduling.executor import Status
from harness.scheduling.ray.scratch import scratch_folder


@dataclass(frozen=True)
class Reply:
    """What a node tells of a cell: as `Finished`, with the bytes of the run's files by name instead of a folder."""

    node: str
    status: Status
    error: str | None
    seconds: float
    log: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    curves: Mapping[str, bytes] = field(default_factory=dict)


def run_on_node(
    request: Request,
    plugins: tuple[tuple[str, bytes], ...],
    threads: int,
    curves: bool,
    command: tuple[str, ...] | None,
) -> Reply:
    """On a node: run the cell in a child, in a store that is no one else's, and send back what it left."""
    from harness.scheduling.local import HARNESS, run_child

    node, began = socket.gethostname(), time.monotonic()
    for option, path in (("--data-dir", request.data_dir), ("--weights", request.weights)):
        if path and Path(path).is_absolute() and not Path(path).exists():
            sentence = f"{option} {path} does not exist there; put it on a disk that all nodes share, or use the hub"
            return Reply(node, "failed", sentence, time.monotonic() - began, "")
    with scratch_folder() as scratch:
        store, files = scratch / "store", []
        for number, (name, content) in enumerate(plugins):
            file = scratch / plugin_there(number, name)
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            files.append(str(file))
        more = ("--report-to", "tensorboard") if curves else ()
        done = run_child(replace(request, plugins=tuple(files)), store, threads, command or HARNESS, more=more)
        contents = _contents(done.folder) if done.folder else {}
        drawn = _contents(store / "tensorboard" / done.folder.name) if done.folder and curves else {}
    return Reply(node, done.status, done.error, done.seconds, done.log, contents, drawn)


def plugin_there(number: int, file: str) -> str:
    """Where a node has a plug-in, below a folder for its cell: the name stays, since it names the module too."""
    return f"plugins/{number}/{Path(file).name}"


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*") if file.is_file()}
