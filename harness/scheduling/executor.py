"""The protocol of executors of cells: child processes on this machine (`harness.scheduling.local`) or a Ray cluster
(`harness.scheduling.ray`).

A `Job` goes in, a `Finished` with the same key comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from harness.cells.request import Request
from harness.store.record import FailureRecord, FailureStatus, RunRecord

BUSY_POLL_S = 2.0
"""Seconds until the caller is asked again if it has no job at the moment."""


@dataclass(frozen=True)
class Job:
    """One cell to run.

    Attributes:
        key: chosen by the caller, who recognises the result by it.
        request: what to run.
    """

    key: str
    request: Request


@dataclass(frozen=True)
class Failure:
    """Why a job ended without a record.

    Attributes:
        status: ``oom`` if memory ran out, else ``failed`` or ``diverged``.
        error: one sentence.
    """

    status: FailureStatus
    error: str


@dataclass(frozen=True)
class Finished:
    """The outcome of a job.

    Attributes:
        key: of the job.
        outcome: the record that the cell's process printed, which the store holds already; or, if the store holds
            none, a `Failure`.
        seconds: from start to end, loading of libraries included.
        log: the last messages of a process that failed.
    """

    key: str
    outcome: RunRecord | FailureRecord | Failure
    seconds: float
    log: str = ""


class Executor(Protocol):
    """Runs cells and puts their results into one store, which it was made with.

    A cell is ``python -m harness run <Request.arguments()> --out STORE --json`` in a process of its own, so that its end
    affects no other cell.
    """

    def run(self, jobs: Iterable[Job | None]) -> Generator[Finished, None, None]:
        """Run all jobs and yield each when it has finished: in the order of completion.

        Jobs are taken from the iterable one by one, in the caller's thread, when there is room for one more. ``None`` in
        place of a job means that there is none at the moment, and the iterable is asked again after `BUSY_POLL_S`.
        A job is retried only after an infrastructure failure, such as the loss of a cluster's node. When the caller closes
        the generator, all running jobs are ended.

        Raises:
            InputError: the executor cannot work at all, for example because its cluster cannot be reached; before any
                cell runs.
            Exception: the first that ``jobs`` raised or that running raised, after everything that still ran has finished.
        """
        ...


def run_in_threads(
    jobs: Iterable[Job | None], workers: int, run: Callable[[Job], Finished], end: Callable[[], None]
) -> Generator[Finished, None, None]:
    """Implement `Executor.run` with a thread for each running job.

    Args:
        jobs: see `Executor.run`.
        workers: jobs at a time.
        run: runs one job and waits for its end.
        end: makes all calls of ``run`` return soon; called when all is done, or the caller has closed the generator.
    """
    with ThreadPoolExecutor(workers) as pool:
        work = _Work(iter(jobs), workers, lambda job: pool.submit(run, job))
        try:
            while work.is_left:
                work.start_jobs()
                yield from work.finished()
        finally:
            end()
    if work.error:
        raise work.error


class _Work:
    """Jobs that wait and jobs that run. One thread alone uses it.

    Args:
        jobs: that wait.
        workers: jobs that may run at a time.
        submit: starts a job.
    """

    def __init__(self, jobs: Iterator[Job | None], workers: int, submit: Callable[[Job], Future[Finished]]) -> None:
        self._jobs, self._workers, self._submit = jobs, workers, submit
        self._running: set[Future[Finished]] = set()
        self._more = True
        self.error: Exception | None = None

    @property
    def is_left(self) -> bool:
        """Whether anything waits or runs."""
        return self._more or bool(self._running)

    def start_jobs(self) -> None:
        """Start jobs while there is room; after an exception no more are started."""
        try:
            while self._more and len(self._running) < self._workers:
                job = next(self._jobs)
                if job is None:
                    return
                self._running.add(self._submit(job))
        except StopIteration:
            self._more = False
        except Exception as error:
            self._fail(error)

    def finished(self) -> Iterator[Finished]:
        """Wait until a job finishes, or until it is time to ask for jobs again."""
        asks_again = self._more and len(self._running) < self._workers
        if asks_again and not self._running:
            time.sleep(BUSY_POLL_S)
        done, self._running = wait(self._running, BUSY_POLL_S if asks_again else None, FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if isinstance(error, Exception):
                self._fail(error)
            else:
                yield future.result()

    def _fail(self, error: Exception) -> None:
        self.error = self.error or error
        self._more = False
