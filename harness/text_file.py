"""Write text files that readers see whole: the old content or the new, never a part."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_whole(file: Path, content: str) -> Path:
    """Write a file in one step: under another name first, then in place of the old one; returns the file.

    Raises:
        OSError: the folder cannot be written, or its disk is full; the old file is unchanged.
    """
    new = file.with_name(f".{secrets.token_hex(8)}.new")  # of its own, because several processes may write the file
    try:
        new.write_text(content, encoding="utf-8")
        return new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
