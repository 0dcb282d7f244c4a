"""Register our classes with the Auto classes of transformers as soon as a program imports these.

So ``import models`` is enough for `AutoModel.from_pretrained` and `pipeline` to load what we saved, before or after
``import transformers``, and it imports neither torch nor transformers itself.
"""

from __future__ import annotations

import importlib
import sys
import threading
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
    elif not any(isinstance(finder, _AfterTransformers) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterTransformers())


def _register() -> None:
    for package in _PACKAGES:
        importlib.import_module(package)


class _AfterTransformers(MetaPathFinder):
    """Finds the modules of transformers as usual, and notices when the import of the outermost one ends.

    Our classes are registered after that one, because its inner modules are not complete before. Then the finder removes itself.
    """

    def __init__(self) -> None:
        self._imports = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname.startswith("transformers.") else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Noticed(spec.loader, self)
        return spec

    def begin(self) -> None:
        """A module of transformers begins to run."""
        self._imports.depth = getattr(self._imports, "depth", 0) + 1

    def end(self) -> None:
        """A module of transformers has run."""
        self._imports.depth -= 1
        if self._imports.depth == 0 and _AUTO in sys.modules and self in sys.meta_path:
            sys.meta_path.remove(self)
            _register()


class _Noticed(Loader):
    """Loads a module as usual.

    Args:
        loader: the usual one.
        finder: is told when the module begins and ends to run.
    """

    def __init__(self, loader: Loader, finder: _AfterTransformers) -> None:
        self.loader, self.finder = loader, finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.finder.begin()
        try:
            self.loader.exec_module(module)
        finally:
            self.finder.end()
