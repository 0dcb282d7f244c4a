"""Import the harness's own packages, even if the current folder has packages of the same names.

``models`` and ``tasks`` are common names. ``python -m harness`` makes Python search the current folder first, where it could
find packages of another project.
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

    A plug-in file can still import modules of the current folder, but a folder ``datasets`` there cannot hide a library.
    """
    sys.meta_path.insert(0, _OwnPackages())
    here = current_folder_on_path()
    if here and here != str(ROOT):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]
        sys.path.append(here)


def find_own_packages() -> None:
    """Make ``import models`` and ``import tasks`` find our packages in a process that we did not start.

    A folder of such a name without ``__init__.py`` is ignored. If the user has a package of such a name, ours cannot be
    imported too.

    Raises:
        InputError: the process imports, or has imported, another package of such a name.
    """
    for name in PACKAGES[1:]:
        module, spec = sys.modules.get(name), None if name in sys.modules else find_spec(name)
        file = getattr(module, "__file__", None) if module else spec and spec.origin
        if file and Path(file).resolve().is_relative_to(ROOT / name):
            continue
        if file or module:
            raise InputError(
                f"the package {name!r} of {Path(file).parent.parent if file else 'this process'} hides the harness's; "
                "start Python in another folder, or rename that package"
            )
        if not any(isinstance(finder, _OwnPackages) for finder in sys.meta_path):
            sys.meta_path.insert(0, _OwnPackages())


def current_folder_on_path() -> str | None:
    """The current folder if imports search it, as for ``python -m harness``; else ``None``."""
    try:
        here = str(Path.cwd().resolve())
    except FileNotFoundError:  # it was removed
        return None
    return here if here in map(os.path.realpath, sys.path) else None
