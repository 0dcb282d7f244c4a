"""Many cells: those that the store has stand, all others run, and one that fails ends nothing but itself."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, get_args

from harness.cells.cell import Cell
from harness.cells.grids import Grid
from harness.cells.plan import Planned, plan_all
from harness.cells.request import Request
from harness.errors import InputError, StoppedError
from harness.progress import Update, duration, saved_so_far
from harness.scheduling.estimates import Estimates
from harness.scheduling.executor import Executor, Finished
from harness.store import Store
from harness.store.record import FailureRecord, RunRecord

BUSY_POLL_S = 2.0
MOST_NAMED = 8
"""Running cells that a terminal shows by name; a cluster may run hundreds."""

Status = Literal["done", "failed", "to do"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Left:
    """A model and a task that cannot go together."""

    model: str
    task: str
    reason: str


def cells_of(grids: Sequence[Grid]) -> tuple[list[Planned], list[Left]]:
    """The cells of all grids, each once, and the combinations that are none.

    Raises:
        InputError: a name is unknown, what it names is missing, or no combination is a cell.
    """
    left: dict[tuple[str, str], Left] = {}

    def leave_out(request: Request, error: InputError) -> None:
        left[request.model, request.task] = Left(request.model, request.task, str(error))

    requests = [request for grid in grids for request in grid.requests()]
    cells = {planned.cell.key: planned for planned in plan_all(requests, leave_out)}
    if not cells:
        raise InputError(next(iter(left.values())).reason)
    return list(cells.values()), list(left.values())


def status_of(cell: Cell, store: Store) -> Status:
    """Whether the store has this cell. A record that is damaged is none, so its cell is to do."""
    if store.has(cell):
        return "done"
    return "failed" if store.read(cell) else "to do"


class Sweep:
    """A sweep under way.

    Args:
        cells: all of it, done or not.
        store: where results go and finished cells are found.
        retry_failed: run cells again that failed earlier.
        say: told one line about every cell that ends.
    """

    def __init__(self, cells: Sequence[Planned], store: Store, retry_failed: bool, say: Say) -> None:
        self.cells, self.store, self.say = cells, store, say
        self.status = {planned.cell.key: status_of(planned.cell, store) for planned in cells}
        self._retried = {key for key, status in self.status.items() if status == "failed" and retry_failed}
        self.estimates = Estimates(store)
        self._ended = len(cells) - len(self.to_run)

    @property
    def to_run(self) -> list[Planned]:
        """The cells that `run` would run."""
        return [planned for planned in self.cells if self._is_to_run(planned.cell.key)]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells have which status."""
        found = Counter(self.status.values())
        return {status: found[status] for status in get_args(Status)}

    def run(self, executor: Executor, workers: int | None, show: Update) -> None:
        """Run what is to do, and keep a record of every cell that fails.

        Args:
            executor: runs cells into the same store.
            workers: how many cells it runs at a time; ``None`` if only the executor knows.
            show: moves a bar on, and shows which cells run.

        Raises:
            InputError: the store cannot be written any more, or the executor cannot work.
            StoppedError: the user stopped the sweep.
        """
        try:
            self._run(executor, workers, show)
        except KeyboardInterrupt as stop:
            saved = sum(self.store.has(planned.cell) for planned in self.cells)
            raise StoppedError(saved_so_far(saved, len(self.cells), "cell")) from stop

    def _run(self, executor: Executor, workers: int | None, show: Update) -> None:
        of_request: dict[tuple[str, ...], Planned] = {}
        running: dict[str, Planned] = {}
        left = self.left(workers)

        def progress() -> None:
            show(self._ended, len(self.cells), left, below=_names_of_running(list(running.values())))

        def requests() -> Iterator[Request]:
            for planned in self._free(deque(self.to_run)):
                request = planned.resolved
                of_request[tuple(request.arguments())] = planned
                running[planned.cell.key] = planned
                progress()
                yield request

        progress()
        with closing(executor.run(requests())) as ends:  # type: ignore[type-var]
            for finished in ends:
                planned = of_request[tuple(finished.request.arguments())]
                self._take(planned, finished)
                left = self.left(workers or len(running))
                del running[planned.cell.key]
                progress()
                self.say(f"[{self._ended}/{len(self.cells)}] {self._line(planned, finished)}; {left}".rstrip("; "))

    def left(self, workers: int | None) -> str:
        """What `run` will still take by so many workers, in words; empty where nothing is known of it."""
        seconds = self.estimates.left_s([planned.cell for planned in self.to_run], workers) if workers else None
        return f"about {duration(seconds)} left" if seconds else ""

    def records(self) -> list[RunRecord]:
        """The records of all cells that are done."""
        return [record for planned in self.cells if (record := self.store.find(planned.cell))]

    def failures(self) -> list[tuple[Planned, FailureRecord]]:
        """The cells that failed, now or earlier, with their records."""
        failed = [planned for planned in self.cells if self.status[planned.cell.key] == "failed"]
        found = [(planned, self.store.read(planned.cell)) for planned in failed]
        return [(planned, record) for planned, record in found if record is not None and record["status"] != "ok"]

    def _is_to_run(self, key: str) -> bool:
        return self.status[key] == "to do" or key in self._retried

    def _free(self, waiting: deque[Planned]) -> Iterator[Planned]:
        """Cells in their order; those that another sweep runs at the moment come later, and what it finishes never."""
        busy = 0
        while waiting:
            planned = waiting.popleft()
            cell, status = planned.cell, status_of(planned.cell, self.store)
            if status == "done" or (status == "failed" and cell.key not in self._retried):
                self.status[cell.key] = status
                self._retried.discard(cell.key)
                self._ended += 1
                self.say(f"{name_of(cell)}: another sweep ran it meanwhile")
                continue
            self.store.check_writable()
            if self.store.is_being_run(cell):
                waiting.append(planned)
                busy += 1
                if busy >= len(waiting):
                    time.sleep(BUSY_POLL_S)
                    busy = 0
                continue
            busy = 0
            yield planned

    def _take(self, planned: Planned, finished: Finished) -> None:
        cell = planned.cell
        self._ended += 1
        self._retried.discard(cell.key)
        self.estimates.add(cell, finished.seconds)
        if finished.status == "ok" and self.store.has(cell):
            self.status[cell.key] = "done"
            return
        self.status[cell.key] = "failed"
        stored = self.store.read(cell)
        if stored is None or (stored["status"], stored["error"]) != (finished.status, finished.error):
            status = "failed" if finished.status == "ok" else finished.status
            error = finished.error or "another cell was run than was planned: code, data or weights changed meanwhile"
            self.store.write(cell, planned.failure(status, error), None, finished.log)

    def _line(self, planned: Planned, finished: Finished) -> str:
        """One line about a cell for the terminal: of scores, dev alone is shown before the learning rate is chosen."""
        record = self.store.read(planned.cell)
        if record is not None and record["status"] == "ok":
            metric, dev = record["task"]["metric"], record["scores"]["dev"]
            told = f"dev {metric} {dev[metric]:.4f}" if metric in dev else "done"
        else:
            status, error = (record["status"], record["error"]) if record else (finished.status, finished.error)
            told = f"{status.upper()}: {error}"
        return f"{name_of(planned.cell)}: {told}, {duration(finished.seconds)}"


def _names_of_running(running: Sequence[Planned]) -> list[str]:
    names = [f"running: {name_of(planned.cell)}" for planned in running[:MOST_NAMED]]
    return names + ([f"and {len(running) - MOST_NAMED} more"] if len(running) > MOST_NAMED else [])


def name_of(cell: Cell) -> str:
    """A cell in a few words."""
    how = f"lr {cell.recipe.learning_rate:g}" if cell.recipe.trains else "untrained"
    return f"{cell.model} on {cell.task}, {how}, seed {cell.seed}"
