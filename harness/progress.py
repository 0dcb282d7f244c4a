"""Progress of long work on stderr: bars on a terminal, a line now and then in a log; and the words for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.plain_text import plain
from harness.terminal import PlainConsole

LOG_INTERVAL_S = 15.0

stderr = PlainConsole(stderr=True)

Update = Callable[..., None]
"""Called with how much is done, how much there is in all and, optionally, a remark such as the loss."""


class Reporter(Protocol):
    """Something that shows stages of work."""

    def __call__(self, stage: str) -> Update:
        """Begin a stage; the function returned moves it on."""
        ...


def silent(stage: str) -> Update:
    """A reporter that shows nothing."""
    return lambda done, total, remark="": None


@contextmanager
def shown() -> Iterator[Reporter]:
    """A reporter on stderr, for as long as the block runs."""
    if not stderr.is_terminal:
        yield _log
        return
    columns = (
        TextColumn("{task.description:<10}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[remark]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=stderr, transient=True) as bars:

        def begin(stage: str) -> Update:
            bar = bars.add_task(plain(stage), total=None, remark="")

            def update(done: float, total: float, remark: str = "") -> None:
                bars.update(bar, completed=done, total=total, remark=plain(remark))

            return update

        yield begin


def _log(stage: str) -> Update:
    began = last = time.monotonic()

    def update(done: float, total: float, remark: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LOG_INTERVAL_S or (done >= total and last != began):
            last = now
            stderr.print(f"{stage}: {done:g}/{total:g} after {now - began:.0f} s {remark}".rstrip())

    return update


def with_loss(update: Update) -> Callable[[int, int, float | None], None]:
    """What training calls with step, steps and latest loss, where it has one, to move a stage on."""
    return lambda step, steps, loss: update(step, steps, "" if loss is None else f"loss {loss:.3f}")


def counted(number: int | str, thing: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{number} {thing}" if str(number) == "1" else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """Seconds for people: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
