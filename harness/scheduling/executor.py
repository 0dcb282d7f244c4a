"""Whoever runs cells that were asked for: child processes on this machine (`harness.scheduling.local`), or a cluster."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from harness.cells.request import Request

Status = Literal["ok", "failed", "oom", "diverged"]


@dataclass(frozen=True)
class Finished:
    """What became of one request.

    Attributes:
        request: the object that was given to `Executor.run`, or an equal one.
        status: ``ok`` only where the store holds the run now; ``oom`` where memory ended; ``diverged`` where the loss
            is no number any more; ``failed`` for all else.
        folder: the run's folder in the store where it is ``ok``.
        error: one sentence where it is not.
        seconds: from start to end, loading of libraries included.
        log: the last messages of the process that failed.
    """

    request: Request
    status: Status
    folder: Path | None
    error: str | None
    seconds: float
    log: str = ""


class Executor(Protocol):
    """Runs cells and puts their results into one store, which it was made with.

    A cell is ``python -m harness run <Request.arguments()> --out STORE --json`` in a process of its own, whose end tells
    nothing of the others. `harness.scheduling.local.run_child` is that, with a verdict whatever becomes of the child.
    """

    def run(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """Run all, and yield each when it is finished: in the order of completion.

        Requests are best taken one by one, when there is room for one more: the caller leaves out those that another
        sweep has finished meanwhile. A request is never tried again but where it was not its fault, as when a node of a
        cluster is lost. A caller that closes the iterator ends what is still running.

        Raises:
            InputError: the executor cannot work at all, such as a cluster that cannot be reached; before any cell runs.
        """
        ...


def by_threads(
    requests: Iterable[Request],
    workers: int,
    run: Callable[[Request, threading.Event], Finished],
    end: Callable[[], None],
) -> Iterator[Finished]:
    """What an executor does: threads that each take a request and wait for its end, then take the next.

    Args:
        requests: taken one by one, when there is room for one more.
        workers: threads, and so requests at a time.
        run: runs one request and waits for its end; its event is set when nothing more is wanted.
        end: ends what is still running, when all is done or the caller has closed the iterator.

    Raises:
        Exception: the first that ``requests`` or ``run`` raised, when what runs has ended.
    """
    waiting, taking, stopping = iter(requests), threading.Lock(), threading.Event()
    done: queue.SimpleQueue[Finished | Exception | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            while not stopping.is_set():
                with taking:
                    request = None if stopping.is_set() else next(waiting, None)
                if request is None:
                    break
                done.put(run(request, stopping))
        except Exception as error:
            stopping.set()
            done.put(error)
        finally:
            done.put(None)

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    errors, at_work = [], workers
    try:
        while at_work:
            news = done.get()
            if isinstance(news, Finished):
                yield news
            elif news is None:
                at_work -= 1
            else:
                errors.append(news)
    finally:
        stopping.set()
        end()
    if errors:
        raise errors[0]
