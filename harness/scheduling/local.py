"""Cells in child processes of this machine: whatever becomes of one, a verdict comes back and the others go on."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from harness.cells.request import Request
from harness.json_file import parse_json
from harness.machine import memory
from harness.machine.processes import PYTHON, environment, how_it_died, last_line, send
from harness.scheduling.executor import Finished, Status, by_threads
from harness.store import RunRecord, Store

HARNESS = (*PYTHON, "-m", "harness")
_LOG_LENGTH = 8000
_GRACE_S = 10.0
"""What a child may take to end itself when it is told to."""
_FAILURES: dict[str, Status] = {"failed": "failed", "oom": "oom", "diverged": "diverged"}

Child = subprocess.Popen[bytes]


class ChildProcesses:
    """The executor of one machine.

    Args:
        out: folder of the store.
        workers: children at a time.
        threads: that each of them computes with.
        command: the harness, replaced in tests.
        more: further options of every run.
    """

    def __init__(
        self,
        out: str | Path,
        workers: int,
        threads: int,
        command: Sequence[str] | None = None,
        more: Sequence[str] = (),
    ) -> None:
        self.out, self.workers, self.threads, self.more = out, workers, threads, more
        self.command = command or HARNESS

    def run(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `harness.scheduling.executor.Executor.run`; an exception of ``requests`` is raised when what runs has ended."""
        running: set[Child] = set()

        def run(request: Request, stopping: threading.Event) -> Finished:
            return run_child(request, self.out, self.threads, self.command, running.add, self.more)

        def end() -> None:
            _end_all([child for child in list(running) if child.poll() is None])

        return by_threads(requests, self.workers, run, end)


def run_child(
    request: Request,
    out: str | Path,
    threads: int,
    command: Sequence[str] = HARNESS,
    started: Callable[[Child], Any] = lambda child: None,
    more: Sequence[str] = (),
) -> Finished:
    """Run one cell in a fresh process that does not outlive this one, and wait for its end.

    Args:
        request: what to run.
        out: folder of the store.
        threads: that it computes with.
        command: the harness, replaced in tests.
        started: is given the child, so that another thread can end it.
        more: further options of the run, which do not decide its result.
    """
    began, killed_before = time.monotonic(), memory.kernel_kills()
    child = subprocess.Popen(
        [*command, "run", *request.arguments(), "--out", str(out), "--json", *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(threads) | {"TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"},
        start_new_session=True,
    )
    started(child)
    try:
        answer, messages = child.communicate()
    finally:
        send(child, signal.SIGKILL)
        child.wait()
    record = _last_object(answer)
    status, error = _verdict(child.returncode, record, messages, memory.kernel_kills() > killed_before)
    folder = Store(out).folder_of(cast(RunRecord, record)) if status == "ok" else None
    log = "" if status == "ok" else messages.decode("utf-8", "replace")[-_LOG_LENGTH:]
    return Finished(request, status, folder, error, time.monotonic() - began, log)


def _verdict(code: int, record: dict[str, Any], messages: bytes, kernel_killed: bool) -> tuple[Status, str | None]:
    """What became of a child: its own word where it gave one, else what its end and its last messages say."""
    if code == 0 and record.get("status") == "ok":
        return "ok", None
    if code == 1 and record.get("status") in _FAILURES:
        return _FAILURES[record["status"]], str(record["error"])
    text = messages.decode("utf-8", "replace")
    if code == 2:
        sentences = [line for line in text.splitlines() if line.startswith("harness: ")]
        return "failed", sentences[-1].removeprefix("harness: ") if sentences else last_line(text)
    return how_it_died(code, messages, kernel_killed)


def _last_object(answer: bytes) -> dict[str, Any]:
    """The JSON object in the last line of what a child printed; empty where there is none."""
    lines = answer.decode("utf-8", "replace").strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        found = parse_json(lines[-1])
        return found if isinstance(found, dict) else {}
    return {}


def _end_all(children: Sequence[Child]) -> None:
    """End children with all that they started: first they are asked to, so that they can put away what they hold."""
    for child in children:
        send(child, signal.SIGINT)
    deadline = time.monotonic() + _GRACE_S
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        send(child, signal.SIGKILL)
        child.wait()
