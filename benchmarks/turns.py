"""Processes that work in turns, so that a drifting speed of the machine affects all sides of a comparison equally."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from harness.machine.memory import reset_high_water_mark, status_mib

CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}
"""Clocks for a turn; a thread's own seconds do not count the processor time of other work."""


class Worker:
    """Controls a process that works only on request, and answers each request with one line."""

    def __init__(self, module: str, *arguments: object) -> None:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()  # it is ready

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a measuring process ended early; see its message above")
        return line

    def ask(self) -> str:
        """Let it work for one more turn."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        return self.answer()

    def end(self) -> str:
        """End the requests; returns its last answer."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        last = self.answer()
        self._process.wait()
        return last


def work_in_turns(run: Callable[[], object], answer: Callable[[object], None], clock: Callable[[], float]) -> float:
    """The work of the process: run once to warm up, then once for each line on stdin, and answer its seconds.

    Returns:
        The highest resident set above the one before the first run, in MiB.
    """
    reset_high_water_mark()
    start = status_mib("VmRSS") or 0.0
    run()
    answer("warm")
    for _ in sys.stdin:
        begin = clock()
        run()
        answer(clock() - begin)
    return (status_mib("VmHWM") or 0.0) - start


def answers() -> Callable[[object], None]:
    """The side of the process: returns a function that answers; the output of libraries goes to stderr from now on."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lambda answer: print(answer, file=stream, flush=True)
