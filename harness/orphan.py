"""A child that has no use without its parent ends with it, even if the parent was killed and could tell nobody."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "HARNESS_PARENT"
"""Environment variable of a child: the process id of the parent that it must not outlive."""
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Where the environment names a parent, end this process when that parent ends; what it starts is not concerned."""
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
