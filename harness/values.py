"""Paths and names as users type them: types of options for argparse, and for the same values in a TOML file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a file's name on every usual file system; names of models and datasets are looked for as folders too."""
_LONGEST_PATH = 4095
"""Bytes of a path on Linux."""


def valid_path(text: str) -> str:
    """A path with ``~`` and ``~user`` expanded, which a shell does only at the beginning of a word.

    Raises:
        argparse.ArgumentTypeError: it is empty, too long, or names an unknown user.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty text is not a path")
    if "\0" in text:
        raise argparse.ArgumentTypeError("a path cannot contain a null character")
    if len(_bytes(text)) > _LONGEST_PATH or max(map(len, _bytes(text).split(os.sep.encode()))) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is too long for a path")
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        user = text.partition(os.sep)[0]
        raise argparse.ArgumentTypeError(
            f"there is no home folder for {user}; a folder of that name is ./{user}"
        ) from None


def valid_name(text: str) -> str:
    """A name of a model, task, dataset or size, without the blanks around it.

    Raises:
        argparse.ArgumentTypeError: it is empty or too long.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty text is not a name")
    if len(_bytes(text)) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is too long for a name")
    text = text.strip()
    if text.startswith("/") or text.endswith("/"):
        raise argparse.ArgumentTypeError(
            f"{text!r} lacks the name {'before' if text.startswith('/') else 'after'} the /"
        )
    return text


def data_dir() -> str | None:
    """The folder of local datasets from the environment, if it is set; `valid_path` checks it as an option's default."""
    return os.environ.get("HARNESS_DATA_DIR") or None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def shortened(text: str, length: int = 40) -> str:
    """The beginning of a long text."""
    return text if len(text) <= length else f"{text[:length]}..."
