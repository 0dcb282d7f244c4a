"""Import the harness's own packages, whatever the folder holds from which it was started.

``models`` and ``tasks`` are common names: many projects have packages that are called so. Python searches the current
folder first when it runs ``python -m harness``, and would find theirs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from harness.errors import InputError

PACKAGES = ("harness", "models", "tasks")
ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds these packages."""


class _OwnPackages(MetaPathFinder):
    """Finds these packages, and no other, in `ROOT`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [str(ROOT)]) if fullname in PACKAGES else None


def prefer_own_packages() -> None:
    """Make imports find our packages first, then installed ones, and those of the current folder last.

    A plug-in file can still import modules of the current folder, but a folder ``datasets`` there hides no library.
    """
    sys.meta_path.insert(0, _OwnPackages())
    here = current_folder_on_path()
    if here and here != str(ROOT):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]
        sys.path.append(here)


def refuse_hidden_packages() -> None:
    """Check that ``import models`` and ``import tasks`` find the harness's packages in this process.

    Raises:
        InputError: they find others, such as those of the current folder.
    """
    for name in PACKAGES[1:]:
        spec = find_spec(name)
        file = (spec.origin or next(iter(spec.submodule_search_locations or ()), None)) if spec else None
        if file is not None and not Path(file).resolve().is_relative_to(ROOT / name):
            raise InputError(
                f"{file} hides the harness's package {name!r}; start Python in another folder, or rename that package"
            )


def current_folder_on_path() -> str | None:
    """The current folder where imports search it, as they do for ``python -m harness``; else ``None``."""
    try:
        here = str(Path.cwd().resolve())
    except FileNotFoundError:  # it was removed
        return None
    return here if here in map(os.path.realpath, sys.path) else None
