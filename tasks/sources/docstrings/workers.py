"""Apply pure functions to many pieces of work on all cores; the results are in the order of the pieces."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

MAX_WORKERS = 8


def work_through(
    function: Callable[[Work], Result], pieces: Sequence[Work], progress: Progress | None = None
) -> list[Result]:
    """`[function(piece) for piece in pieces]`, where both are picklable; `progress` gets the number of finished pieces.

    If no worker can be started (in a script without a main guard, a daemon, a sandbox), this process does the work.
    """
    workers = min(os.cpu_count() or 1, MAX_WORKERS, len(pieces) // 4)
    if workers > 1 and not multiprocessing.current_process().daemon:
        try:
            return _in_workers(function, pieces, progress, workers)
        except (BrokenProcessPool, PermissionError):
            pass
    results = []
    for piece in pieces:
        results.append(function(piece))
        if progress:
            progress(len(results), len(pieces))
    return results


@contextmanager
def shown_unless(progress: Progress | None, stage: str) -> Iterator[Progress]:
    """The caller's progress, or a bar on stderr for as long as the block runs."""
    if progress:
        yield progress
        return
    from harness.progress import shown  # draws with rich, which a cached corpus does not need

    with shown() as report:
        yield report(stage)


def _in_workers(
    function: Callable[[Work], Result], pieces: Sequence[Work], progress: Progress | None, workers: int
) -> list[Result]:
    # Spawned, not forked: the caller may have started threads (PyTorch does), which a forked child would deadlock on.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = []
        for result in pool.map(function, pieces):
            results.append(result)
            if progress:
                progress(len(results), len(pieces))
        return results
