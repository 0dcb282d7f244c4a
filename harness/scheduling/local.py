"""Run cells in child processes of this machine. Every child gives a result, and a failure does not affect the others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.errors import InputError
from harness.json_file import parse_json
from harness.machine import memory
from harness.machine.processes import PYTHON, environment, how_it_died, last_line, send
from harness.machine.provenance import processors
from harness.scheduling.executor import Failure, Finished, Job, run_in_threads
from harness.store.record import FailureRecord, RunRecord

HARNESS = (*PYTHON, "-m", "harness")
_LOG_LENGTH = 8000
_GRACE_S = 10.0
"""Seconds that a child has to end after a request."""
_ANSWER = {"key", "status", "error", "model", "task"}
"""Some keys of every record of a run."""

Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class ChildOptions:
    """The options of child processes.

    Attributes:
        out: folder of the store.
        threads: that a child computes with.
        more: further options of every run, which do not affect its result.
        command: the harness, replaced in tests; `HARNESS` if ``None``.
    """

    out: str | Path
    threads: int
    more: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None


def workers_and_threads(workers: int | None, threads: int | None) -> tuple[int, int]:
    """The number of cells at a time, and the threads of each.

    Args:
        workers: ``None`` for 1.
        threads: ``None`` to divide the processors of this process among the workers, up to ``OMP_NUM_THREADS`` if that is
            set.

    Raises:
        InputError: a number is below 1.
    """
    for option, number in (("--workers", workers), ("--threads", threads)):
        if number is not None and number < 1:
            raise InputError(f"{option} must be at least 1, not {number}")
    workers, available, limit = workers or 1, processors(), os.environ.get("OMP_NUM_THREADS", "")
    most = int(limit) if limit.isdecimal() and int(limit) else available
    return workers, threads or max(1, min(available // workers, most))


class ChildProcesses:
    """The executor of one machine.

    Args:
        workers: children at a time.
        options: how they are started.
    """

    def __init__(self, workers: int, options: ChildOptions) -> None:
        self.workers, self.options = workers, options

    def run(self, jobs: Iterable[Job | None]) -> Generator[Finished, None, None]:
        """See `harness.scheduling.executor.Executor.run`."""
        children = Children()
        return run_in_threads(jobs, self.workers, lambda job: run_child(job, self.options, children), children.end)


class Children:
    """The running child processes, for the thread that may have to end them all."""

    def __init__(self) -> None:
        self._running: set[Child] = set()
        self._ended = threading.Event()

    def add(self, child: Child) -> None:
        """Take a child that was just started; it is killed if all were ended meanwhile."""
        self._running.add(child)
        if self._ended.is_set():
            send(child, signal.SIGKILL)

    def remove(self, child: Child) -> None:
        """Forget a child that has ended."""
        self._running.discard(child)

    def end(self) -> None:
        """End all children and their processes: first by request, so that they can clean up."""
        self._ended.set()
        children = list(self._running)
        deadline = time.monotonic() + _GRACE_S
        try:
            for child in children:
                send(child, signal.SIGINT)
            for child in children:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, deadline - time.monotonic()))
        finally:  # a second Ctrl-C ends the wait
            for child in children:
                send(child, signal.SIGKILL)


def run_child(job: Job, options: ChildOptions, children: Children) -> Finished:
    """Run one cell in a new process that ends with this one, and wait for it."""
    began, killed_before = time.monotonic(), memory.kernel_kills()
    child = subprocess.Popen(
        [
            *(options.command or HARNESS),
            *("run", *job.request.arguments(), "--out", str(options.out), "--json", *options.more),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(options.threads) | {"TOKENIZERS_PARALLELISM": "true" if options.threads > 1 else "false"},
        start_new_session=True,
    )
    children.add(child)
    try:
        answer, messages = child.communicate()
    finally:
        send(child, signal.SIGKILL)
        child.wait()
        children.remove(child)
    outcome = _outcome(child.returncode, _record_in(answer), messages, memory.kernel_kills() > killed_before)
    is_ok = not isinstance(outcome, Failure) and outcome["status"] == "ok"
    log = "" if is_ok else messages.decode("utf-8", "replace")[-_LOG_LENGTH:]
    return Finished(job.key, outcome, time.monotonic() - began, log)


def _outcome(
    code: int, record: RunRecord | FailureRecord | None, messages: bytes, kernel_killed: bool
) -> RunRecord | FailureRecord | Failure:
    """The record that a child printed, or else a reason from its exit code and its last messages."""
    if record and code == (0 if record["status"] == "ok" else 1):
        return record
    text = messages.decode("utf-8", "replace")
    if code == 2:
        sentences = [line for line in text.splitlines() if line.startswith("harness: ")]
        return Failure("failed", sentences[-1].removeprefix("harness: ") if sentences else last_line(text))
    return Failure(*how_it_died(code, messages, kernel_killed))


def _record_in(answer: bytes) -> RunRecord | FailureRecord | None:
    """The record in the last line of a child's output; ``None`` if there is no record."""
    lines = answer.decode("utf-8", "replace").strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        found = parse_json(lines[-1])
        if isinstance(found, dict) and found.keys() >= _ANSWER:
            return cast(RunRecord | FailureRecord, found)
    return None
