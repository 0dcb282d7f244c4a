"""Run many cells, skipping those already stored; a failure stops only its own cell."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Literal, get_args

from harness.cells.cell import Cell
from harness.cells.grids import Grid
from harness.cells.plan import plan_all
from harness.cells.planned import Planned, Unsuited
from harness.comparison.names import files_of
from harness.errors import InputError, StoppedError
from harness.progress import Update, duration, saved_so_far, shown, silent, stderr
from harness.registry import load_plugins
from harness.scheduling.estimates import Estimates
from harness.scheduling.executor import Executor, Failure, Finished, Job
from harness.store import Store
from harness.store.record import FailureRecord, RunRecord, is_finished_run

MOST_NAMED = 8
"""Running cells that a terminal shows by name; a cluster may run hundreds."""

Status = Literal["done", "failed", "to do"]
Say = Callable[[str], None]


def cells_of(grids: Sequence[Grid]) -> tuple[list[Planned], list[Unsuited]]:
    """The cells of all grids, each once, and the models and tasks that cannot go together.

    Raises:
        InputError: a name is unknown, what it names is missing, or no model and task can go together.
    """
    planned, unsuited = plan_all([request for grid in grids for request in grid.requests()])
    if not planned:
        raise InputError(unsuited[0].reason)
    return list({each.cell.key: each for each in planned}.values()), unsuited


def refuse_namesakes(cells: Sequence[Planned]) -> None:
    """Refuse different models of one name.

    Raises:
        InputError: two models would be shown by the same name.
    """
    known: dict[str, Planned] = {}
    for planned in cells:
        other = known.setdefault(planned.name, planned)
        if (planned.own_name or other.own_name) and files_of(planned.model) != files_of(other.model):
            raise InputError(
                f"{other.cell.weights} and {planned.cell.weights} are different models of one name, {planned.name}; name each with "
                "--names, as many as --models"
            )


def rename_stored(cells: Sequence[Planned], store: Store, say: Say) -> None:
    """Give models of stored runs the names that were asked for."""
    renamed: dict[str, str] = {}
    for planned in (one for one in cells if one.request.name and one.own_name):
        record = store.find(planned.cell)
        if record and record["model"]["name"] != planned.name:
            renamed[record["model"]["name"]] = planned.name
            store.rename(planned.cell, planned.name, planned.command(record["task"]["origin"]))
    for was, name in renamed.items():
        say(f"the store called a model {was}; it is {name} now")


def status_of(cell: Cell, store: Store) -> Status:
    """Whether the store has this cell. A cell with a damaged record is to do."""
    if store.has(cell):
        return "done"
    return "failed" if store.read(cell) else "to do"


def ready(grids: Sequence[Grid], store: Store, retry_failed: bool, say: Say) -> Sweep:
    """Prepare a sweep of these grids: load plug-ins, and tell the user about omissions and doubtful values.

    Args:
        grids: what to run.
        store: holds finished cells and receives new ones.
        retry_failed: run earlier failures again.
        say: prints one line about each combination that is left out, each doubt about a recipe, and later each cell.

    Raises:
        InputError: a plug-in fails, a name is unknown, what it names is missing, or no combination is a cell.
    """
    load_plugins(plugin for grid in grids for plugin in grid.plugins)
    cells, unsuited = cells_of(grids)
    refuse_namesakes(cells)
    for pair in unsuited:
        say(f"{pair.model} on {pair.task} is left out: {pair.reason}")
    for doubt in sorted({doubt for planned in cells for doubt in planned.cell.recipe.doubts()}):
        say(f"note: {doubt}")
    return Sweep(cells, store, retry_failed, say)


class Sweep:
    """Many cells and their progress.

    Args:
        cells: all of them, done or not.
        store: where results go and finished cells are found.
        retry_failed: run earlier failures again.
        say: called with one line about each cell that ends.

    Attributes:
        status: of each cell, by its key.
        estimates: of how long cells take.
    """

    def __init__(self, cells: Sequence[Planned], store: Store, retry_failed: bool, say: Say) -> None:
        self.cells, self.store, self.say = cells, store, say
        self.status = {planned.cell.key: status_of(planned.cell, store) for planned in cells}
        self.estimates = Estimates(store)
        runs = {"to do", "failed"} if retry_failed else {"to do"}
        self._to_run = {planned.cell.key: planned for planned in cells if self.status[planned.cell.key] in runs}
        self._running: dict[str, Planned] = {}
        self._records: dict[str, RunRecord | FailureRecord] = {}

    @property
    def to_run(self) -> list[Planned]:
        """The cells that `run` will run."""
        return list(self._to_run.values())

    @property
    def counts(self) -> dict[str, int]:
        """The number of cells of each status."""
        found = Counter(self.status.values())
        return {status: found[status] for status in get_args(Status)}

    def run_and_show(self, executor: Executor, workers: int | None) -> None:
        """Call `run` with a progress bar on stderr, and remove the remains of killed processes from the store.

        Raises:
            InputError: the store cannot be written any more, or the executor cannot work.
            StoppedError: the user stopped the sweep.
        """
        self.store.tidy()
        with shown(estimates=False) as report:
            # In a log the line about each cell is enough to show progress.
            begin = report if stderr.is_terminal else silent
            self.run(executor, workers, begin("cells", len(self.cells)))
        self.store.tidy()

    def run(self, executor: Executor, workers: int | None, show: Update) -> None:
        """Run the cells that remain, and store a record of every failure.

        Args:
            executor: runs cells into the same store.
            workers: how many cells it runs at a time; ``None`` if only the executor knows.
            show: updates a bar, and shows which cells run.

        Raises:
            InputError: the store cannot be written any more, or the executor cannot work.
            StoppedError: the user stopped the sweep.
        """
        try:
            self._run(executor, workers, show)
        except KeyboardInterrupt as stop:
            saved = sum(self.store.has(planned.cell) for planned in self.cells)
            raise StoppedError(saved_so_far(saved, len(self.cells), "cell")) from stop

    def left(self, workers: int | None) -> str:
        """The remaining time of `run` with this number of workers, in words; empty if nothing is known."""
        seconds = self.estimates.left_s([planned.cell for planned in self.to_run], workers) if workers else None
        return f"about {duration(seconds)} left" if seconds else ""

    def records(self) -> list[RunRecord]:
        """The records of all cells that are done."""
        found = [self._record(planned) for planned in self.cells if self.status[planned.cell.key] == "done"]
        return [record for record in found if is_finished_run(record)]

    def failures(self) -> list[tuple[Planned, FailureRecord]]:
        """The cells that failed, now or earlier, with their records."""
        failed = [planned for planned in self.cells if self.status[planned.cell.key] == "failed"]
        found = [(planned, self._record(planned)) for planned in failed]
        return [(planned, record) for planned, record in found if record is not None and record["status"] != "ok"]

    def _run(self, executor: Executor, workers: int | None, show: Update) -> None:
        left = self.left(workers)

        def progress() -> None:
            show(self._n_ended, len(self.cells), left, below=_names_of_running(list(self._running.values())))

        progress()
        with closing(executor.run(self._jobs(progress))) as ends:
            for finished in ends:
                n_workers = workers or len(self._running)
                line = self._take(finished)
                left = self.left(n_workers)
                progress()
                self.say(f"[{self._n_ended}/{len(self.cells)}] {line}; {left}".rstrip("; "))

    @property
    def _n_ended(self) -> int:
        return len(self.cells) - len(self._to_run)

    def _jobs(self, progress: Callable[[], None]) -> Iterator[Job | None]:
        """The cells in their order.

        A cell that another sweep runs at the moment comes later, and is left out once that sweep has finished it. If only
        such cells are left, the iterator yields ``None``.
        """
        waiting, busy = deque(self.to_run), 0
        while waiting:
            planned = waiting.popleft()
            key = planned.cell.key
            if self._has_ended_elsewhere(planned):
                progress()
                continue
            self.store.check_writable()
            if self.store.is_being_run(planned.cell):
                waiting.append(planned)
                busy += 1
                if busy >= len(waiting):
                    busy = 0
                    yield None
                continue
            busy = 0
            self._running[key] = planned
            progress()
            yield Job(key, planned.resolved)

    def _has_ended_elsewhere(self, planned: Planned) -> bool:
        """Whether another sweep has run the cell since this one began; notes its status if so."""
        cell = planned.cell
        status = status_of(cell, self.store)
        if status == "to do" or status == self.status[cell.key] == "failed":
            return False
        self.status[cell.key] = status
        del self._to_run[cell.key]
        self.say(f"{name_of(planned)}: another sweep ran it meanwhile")
        return True

    def _take(self, finished: Finished) -> str:
        """Note the outcome of a cell; returns a line about it."""
        planned = self._running.pop(finished.key)
        record = self._kept(planned, finished)
        del self._to_run[finished.key]
        self._records[finished.key] = record
        self.status[finished.key] = "done" if record["status"] == "ok" else "failed"
        if self.status[finished.key] == "done":  # a failure says nothing about how long a whole cell takes
            self.estimates.add(planned.cell, finished.seconds)
        return f"{name_of(planned)}: {_told(record)}, {duration(finished.seconds)}"

    def _kept(self, planned: Planned, finished: Finished) -> RunRecord | FailureRecord:
        """The record that the cell's process has stored; if it stored none, a failure is stored here."""
        outcome = finished.outcome
        if not isinstance(outcome, Failure) and outcome["key"] == finished.key:
            return outcome
        # A process that was killed right after it had stored its result printed no record.
        if stored := self.store.find(planned.cell):
            return stored
        if isinstance(outcome, Failure):
            record = planned.failure(outcome.status, outcome.error)
        elif outcome["status"] == "ok":
            error = "another cell was run than was planned: code, data or weights changed meanwhile"
            record = planned.failure("failed", error)
        else:
            record = planned.failure(outcome["status"], outcome["error"])
        self.store.write(planned.cell, record, None, finished.log)
        return record

    def _record(self, planned: Planned) -> RunRecord | FailureRecord | None:
        return self._records.get(planned.cell.key) or self.store.read(planned.cell)


def name_of(planned: Planned) -> str:
    """A cell in a few words."""
    cell = planned.cell
    return f"{planned.name} on {cell.task}, {planned.how}, seed {cell.seed}"


def _told(record: RunRecord | FailureRecord) -> str:
    """A record on the terminal: only the dev score, because the learning rate is not chosen yet."""
    if record["status"] != "ok":
        return f"{record['status'].upper()}: {record['error']}"
    metric, dev = record["task"]["metric"], record["scores"]["dev"]
    return f"dev {metric} {dev[metric]:.4f}" if metric in dev else "done"


def _names_of_running(running: Sequence[Planned]) -> list[str]:
    names = [f"running: {name_of(planned)}" for planned in running[:MOST_NAMED]]
    return names + ([f"and {len(running) - MOST_NAMED} more"] if len(running) > MOST_NAMED else [])
