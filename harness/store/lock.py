"""A lock for one process at a time, which the kernel releases when its holder ends for any reason."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(file: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of this file while the block runs; the file is removed afterwards.

    Args:
        file: created if it is missing; its folder must exist.
        wait: until another holder releases it; otherwise the block gets ``False`` and holds nothing.

    On a file system without locks the block runs unlocked.
    """
    descriptor = _acquire(file, wait)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            # Removed while it is held, so that a process that opened it meanwhile finds another file or none.
            with contextlib.suppress(OSError):
                file.unlink()
            os.close(descriptor)


def _acquire(file: Path, wait: bool) -> int | None:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        if _is_file(descriptor, file):
            return descriptor
        os.close(descriptor)  # its last holder removed it while this one waited


def _is_file(descriptor: int, file: Path) -> bool:
    try:
        there = file.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
