"""A folder for temporary files that is removed even if its process is killed, with the Ray processes that use it.

A watcher process waits until the process that made the folder has ended, and then removes the folder if it still exists. It is
started as ``python -P scratch.py FOLDER`` and imports nothing of the harness.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_LONGEST_TEMP_FOLDER = 26
"""Ray puts sockets in the folder, and a socket's path has 107 bytes at most."""
_ATTEMPTS = 5
_PAUSE_S = 2.0


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A fresh folder of this user alone, removed when the block ends or this process is killed."""
    place = None if len(tempfile.gettempdir()) <= _LONGEST_TEMP_FOLDER else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="harness-", dir=place)).resolve()
    watcher = subprocess.Popen(
        [sys.executable, "-P", __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    watcher.wait()  # its child has taken over
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        watcher.communicate()  # closes its input


def remove(folder: Path) -> None:
    """Remove a folder if it exists, and end the Ray processes that have files open in it."""
    if not folder.exists():
        return
    for _ in range(_ATTEMPTS):
        for process in psutil.process_iter():
            if _is_of_ray_and_uses(process, folder):
                with suppress(psutil.Error):
                    process.kill()
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_PAUSE_S)  # a process that is about to end may still write a file, and with it the folder


def _is_of_ray_and_uses(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        named = process.cmdline()[:1]
        return (
            bool(named)
            and named[0].startswith("ray::")
            and any(Path(file.path).is_relative_to(folder) for file in process.open_files())
        )
    return False


def _watch(folder: Path) -> None:
    # Ray kills the direct children of a worker that it ends, so the watcher must not be one.
    if os.fork():
        os._exit(0)
    sys.stdin.buffer.read()  # ends with the process that started the watcher
    remove(folder)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
