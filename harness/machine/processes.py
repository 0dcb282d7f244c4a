"""Child processes that import the harness: their environment, and how they end.

A child that is useless without its parent ends with it, even if the parent is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Literal

from harness.machine import memory
from harness.own_packages import ROOT, current_folder_on_path

PYTHON = (sys.executable, "-P")
"""The beginning of a child's command. -P keeps the current folder off the front of its path, where a user's folder
``harness`` would hide this package."""
PARENT = "HARNESS_PARENT"
"""Environment variable of a child: the process id of the parent that it must not outlive."""
_PR_SET_PDEATHSIG = 1
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(threads: int) -> dict[str, str]:
    """The environment of a child that uses this number of threads, finds this harness, and ends with this process.

    It ends with this process if it calls `end_with_parent`.
    """
    path = [str(ROOT), os.environ.get("PYTHONPATH", ""), current_folder_on_path()]
    return os.environ | {
        **dict.fromkeys(_THREADS, str(threads)),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        PARENT: str(os.getpid()),
    }


def how_it_died(code: int, messages: bytes, kernel_killed: bool) -> tuple[Literal["oom", "failed"], str]:
    """Why a child ended without an answer: the status, and one sentence.

    Args:
        code: its exit code; a signal is negative, as in `subprocess`, or 128 and more, as in a shell.
        messages: its output on stderr.
        kernel_killed: whether the kernel ended a process for lack of memory while the child ran.
    """
    text = messages.decode("utf-8", "replace")
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL and kernel_killed:
        return "oom", "the kernel ended the child: the machine had no memory left"
    if code != 0 and memory.says_out_of_memory(text[-4000:]):
        return "oom", last_line(text)
    with contextlib.suppress(ValueError):
        return "failed", f"the child was ended by {signal.Signals(number).name}"
    ended = "gave no record" if code == 0 else f"ended with exit code {code}"
    return "failed", f"the child {ended}: {last_line(text)}"


def last_line(text: str) -> str:
    """The last line of a process's messages that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote no message"


def send(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a child that leads its own session, and to all processes of that session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def end_with_parent() -> None:
    """Exit when the parent exits, if the environment names one; grandchildren are unaffected."""
    named = os.environ.pop(PARENT, "")
    if not named.isdecimal():
        return
    parent = int(named)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before it could be watched
        os._exit(128 + signal.SIGKILL)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(128 + signal.SIGKILL)
