"""Folders whose content becomes visible in one step."""

from __future__ import annotations

import secrets
from pathlib import Path


def new_beside(folder: Path) -> Path:
    """Make an empty folder beside another one, under a hidden name, from which it is moved to its place when it is complete.

    It has the permissions of any new folder. `tempfile.mkdtemp` makes folders that no other user can read, and a moved folder keeps
    its permissions.

    Raises:
        OSError: it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}")
    new.mkdir()
    return new
