"""Register our classes with the Auto classes of transformers as soon as a program imports these.

So ``import models`` is enough for `AutoModel.from_pretrained` and `pipeline` to load what we saved, before or after
``import transformers``, and it imports neither torch nor transformers itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_AUTO = "transformers.models.auto.modeling_auto"
_PACKAGES = ("models.avey_b", "models.neobert", "models.linear_heads")
"""Importing them registers their classes."""


def register_with_transformers() -> None:
    """Register now if the Auto classes are imported, otherwise when they are."""
    if _AUTO in sys.modules:
        _register()
    elif not any(isinstance(finder, _AutoClasses) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoClasses())


def _register() -> None:
    for package in _PACKAGES:
        importlib.import_module(package)


class _AutoClasses(MetaPathFinder):
    """Finds the module of the Auto classes, and no other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == _AUTO else None
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)
        return spec


class _ThenRegister(Loader):
    """Loads the module as usual and registers our classes after it.

    Args:
        loader: the usual one.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        _register()
