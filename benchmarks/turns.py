"""Processes that work in turns, so that a machine whose speed drifts is as kind to one side of a comparison as to the other."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}
"""What a turn is timed by; a thread's own seconds do not count what other work takes of the processor."""


class Worker:
    """The near end of a process that works only when it is asked, and answers each time in one line."""

    def __init__(self, module: str, *arguments: object) -> None:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()  # it is ready

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a measuring process ended early; its message stands above")
        return line

    def ask(self) -> str:
        """Let it work once more."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        return self.answer()

    def end(self) -> str:
        """Ask no more; what it has to say at its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        last = self.answer()
        self._process.wait()
        return last


def answers() -> Callable[[object], None]:
    """The far end: a function that answers; whatever libraries print from now on goes to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lambda answer: print(answer, file=stream, flush=True)
