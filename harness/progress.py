"""Show the progress of long work on stderr: bars on a terminal, occasional lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from harness.plain_text import plain
from harness.terminal import PlainConsole

LOG_INTERVAL_S = 15.0

stderr = PlainConsole(stderr=True)

Update = Callable[..., None]
"""Called with the amount done, the total and, optionally, a remark such as the loss, and lines to show below the bars of a
terminal."""


class Reporter(Protocol):
    """Shows stages of work."""

    def __call__(self, stage: str, total: float | None = None) -> Update:
        """Begin a stage with this total, if it is known; returns the function that updates it."""
        ...


def silent(stage: str, total: float | None = None) -> Update:
    """A reporter that shows nothing."""
    return lambda done, total, remark="", below=(): None


class _Bars(Progress):
    """Bars with lines of text below them, each cut to the width of the terminal."""

    below: Sequence[str] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        for line in self.below:
            yield Text(plain(line), no_wrap=True, overflow="ellipsis")


@contextmanager
def shown(estimates: bool = True) -> Iterator[Reporter]:
    """A reporter on stderr, for as long as the block runs.

    Args:
        estimates: show the remaining time from the bar's own speed; otherwise remarks contain it.
    """
    if not stderr.is_terminal:
        yield _log
        return
    columns = (
        TextColumn("{task.description:<10}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TimeRemainingColumn()] if estimates else []),
        TextColumn("{task.fields[remark]}", markup=False),
    )
    with _Bars(*columns, console=stderr, transient=True) as bars:

        def begin(stage: str, total: float | None = None) -> Update:
            bar = bars.add_task(plain(stage), total=total, remark="")

            def update(done: float, total: float, remark: str = "", below: Sequence[str] = ()) -> None:
                bars.below = below
                bars.update(bar, completed=done, total=total, remark=plain(remark))

            return update

        yield begin


def _log(stage: str, total: float | None = None) -> Update:
    began = last = time.monotonic()

    def update(done: float, total: float, remark: str = "", below: Sequence[str] = ()) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LOG_INTERVAL_S or (done >= total and last != began):
            last = now
            stderr.print(f"{stage}: {done:g}/{total:g} after {now - began:.0f} s {remark}".rstrip())

    return update


def with_loss(update: Update) -> Callable[[int, int, float | None], None]:
    """A function for training that updates a stage, called with step, steps and the latest loss, if there is one."""
    return lambda step, steps, loss: update(step, steps, "" if loss is None else f"loss {loss:.3f}")


def tell_problem(sentence: str) -> None:
    """Name a problem that does not end the command, such as a file that is left out."""
    stderr.print(f"harness: {sentence}")


def counted(number: int | str, thing: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{number} {thing}" if str(number) == "1" else f"{number} {thing}s"


def short_count(number: int) -> str:
    """A large count for people and file names, in three digits: 10M, 2.5M, 300K."""
    sizes = (("", 1), ("K", 10**3), ("M", 10**6), ("B", 10**9))
    names = [(f"{number / size:.3g}", unit) for unit, size in sizes]
    # The rounded number decides: 999,999 is 1M, because its thousands round to 1000.
    rounded, unit = next((name for name in names if float(name[0]) < 1000), names[-1])
    return rounded + unit


def saved_so_far(saved: int, total: int, thing: str) -> str:
    """The message after stopping work on many things: ``2 of 18 cells are saved; ...``."""
    are = "is" if saved == 1 else "are"
    return f"{saved} of {counted(total, thing)} {are} saved; run the same command to continue."


def duration(seconds: float) -> str:
    """Seconds for people: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
