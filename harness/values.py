"""Paths and names as users type them: types of options for argparse, and for the same values in a TOML file."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path, PureWindowsPath

LONGEST_NAME = 255
"""Bytes of a file's name on every usual file system; names of models and datasets are looked for as folders too."""
LONGEST_SHOWN_NAME = 80
"""Characters of a name that people give to a model."""
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


def no_folder(path: str | Path) -> str:
    """What is wrong with a path that is no folder, as the beginning of a message."""
    return f"{path} is a file, not a folder" if Path(path).expanduser().is_file() else f"there is no folder {path}"


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


def valid_model(text: str) -> str:
    """A registered name, a hub id or a folder.

    Raises:
        argparse.ArgumentTypeError: it can be none of them.
    """
    if text.strip().startswith(("/", "./", "../", "~")) or (text.endswith("/") and Path(text).is_dir()):
        return valid_path(text.strip())
    return valid_name(text)


def valid_shown_name(text: str) -> str:
    """A name that people give to a model, for tables and figures. It can hold any characters of a line of text.

    Raises:
        argparse.ArgumentTypeError: it is empty, too long, a path, or has control characters.
    """
    name = text.strip()
    if not name:
        raise argparse.ArgumentTypeError("an empty text is not a name")
    if len(name) > LONGEST_SHOWN_NAME:
        raise argparse.ArgumentTypeError(
            f"{shortened(name)!r} is too long; a name has {LONGEST_SHOWN_NAME} characters at most"
        )
    if name.startswith(("/", "./", "../", "~")):
        raise argparse.ArgumentTypeError(f"{name!r} is a path, which reports never show; give a name")
    if not name.isprintable():
        raise argparse.ArgumentTypeError(f"{name!r} has control characters; give a name on one line")
    return name


_MEANINGLESS = re.compile(
    r"model|weights|encoder|best|final|last|output|snapshots|checkpoint[-_]?\d*|\d+|[0-9a-f]{40}", re.IGNORECASE
)
"""Names of folders that say nothing about the model in them."""
_HOME = re.compile(r"(?:[A-Za-z]:)?[/\\](?:home|Users)[/\\][^/\\]+|/root(?=/)", re.IGNORECASE)
"""A home folder, whose name is a person's and not a model's."""
_IN_HUB_CACHE = re.compile(r"models--(.+?)--(.+)")


def name_of_folder(path: str) -> str:
    """What to call the model in a folder: the last part of its path that says something, or the hub id in the hub's cache.

    ``runs/bert-mrpc/checkpoint-500`` is ``bert-mrpc``; ``models--OWNER--NAME/snapshots/COMMIT`` is ``OWNER/NAME``.
    """
    within = _HOME.sub("", path, count=1) if _HOME.match(path) else path
    parts = [part for part in PureWindowsPath(within).parts if part.strip("/\\.")]
    found = next(
        (part for part in reversed(parts) if not _MEANINGLESS.fullmatch(part)), parts[-1] if parts else "model"
    )
    cached = _IN_HUB_CACHE.fullmatch(found)
    return f"{cached[1]}/{cached[2]}" if cached else found


def data_dir() -> str | None:
    """The folder of local datasets from the environment, if it is set; `valid_path` checks it as an option's default."""
    return os.environ.get("HARNESS_DATA_DIR") or None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def shortened(text: str, length: int = 40) -> str:
    """The beginning of a long text."""
    return text if len(text) <= length else f"{text[:length]}..."
