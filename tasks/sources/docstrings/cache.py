"""A cache of built datasets on disk: written atomically and checked when read; missing or damaged entries are built again."""

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """`encoder-harness` in $HARNESS_CACHE_DIR, else $XDG_CACHE_HOME, else ~/.cache; without a home a private folder."""
    configured = os.environ.get("HARNESS_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if configured:
        return Path(configured) / "encoder-harness"
    try:
        return Path.home() / ".cache" / "encoder-harness"
    except RuntimeError:
        return _private_folder() or Path(os.devnull) / "encoder-harness"  # a path that can be neither read nor written


def _private_folder() -> Path | None:
    """A folder for this user among the temporary files, or ``None`` if another user could have written to it.

    Its path is predictable, so that later processes find it. Anyone may have created it first, or a link in its place.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"encoder-harness-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    private = found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700
    return folder if stat.S_ISDIR(found.st_mode) and private else None


def read_cached(name: str, identity: str) -> Any | None:
    """The value stored under this name for this identity, or ``None`` if it is missing or incomplete."""
    try:
        header, _, body = _file(cache_folder(), name, identity).read_bytes().partition(b"\n")
    except OSError:
        return None
    if header.decode("ascii", "replace") != _header(identity, body):
        return None
    return json.loads(body)


def write_cached(name: str, identity: str, value: object) -> None:
    """Store a JSON value. If the cache folder cannot be written, this does nothing, and the next call builds it again."""
    folder = cache_folder()
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    path = _file(folder, name, identity)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # Not of `tempfile`, whose files no other user can read: users may share the folder.
        temporary = path.with_name(f"{path.name}-{secrets.token_hex(8)}.part")
        try:
            temporary.write_bytes(_header(identity, body).encode("ascii") + b"\n" + body)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _file(folder: Path, name: str, identity: str) -> Path:
    return folder / f"{name}-{identity[:16]}.json"


def _header(identity: str, body: bytes) -> str:
    return f"{identity} {hashlib.sha256(body).hexdigest()}"
