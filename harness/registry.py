"""A name-to-object registry: a decorator for code, lazy paths for what is heavy, entry points for other people's packages.

MODELS = Registry[Encoder]("model", entry_points="encoder_harness.models")
MODELS.register("my-encoder")(encoder)          # or as a decorator
MODELS.register_lazily("big", "package.module:attribute")
MODELS["my-encoder"]
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar

from harness.errors import InputError

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects of one kind by the name that a user types.

    Args:
        kind: what one entry is called in messages, for example ``"model"``.
        entry_points: the entry-point group in which installed packages announce entries; the name of
            the entry point is the name of the entry, and it is imported only when it is asked for.
        hint: the end of the message about a name that does not exist, from that name and those that do; by default
            `suggestion`.
    """

    def __init__(self, kind: str, entry_points: str, hint: Callable[[str, list[str]], str] | None = None) -> None:
        self.kind = kind
        self._hint = hint or suggestion
        self._group = entry_points
        self._entries: dict[str, T | str | EntryPoint] = {}
        self._announced = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its argument under ``name`` and gives it back.

        Raises:
            InputError: the name is taken, so that a plug-in cannot silently replace a built-in entry.
        """

        def file_it(entry: T) -> T:
            self._add(name, entry)
            return entry

        return file_it

    def register_lazily(self, name: str, path: str) -> None:
        """File ``"module:attribute"`` under ``name``; it is imported at the first look-up."""
        self._add(name, path)

    def _add(self, name: str, entry: T | str | EntryPoint) -> None:
        if name in self._entries:
            raise InputError(f"the {self.kind} {name!r} is registered already; give yours another name")
        self._entries[name] = entry

    def names(self) -> list[str]:
        """All names, built-in ones in the order of registration, then those of installed packages."""
        if not self._announced:
            self._announced = True
            for point in sorted(entry_points(group=self._group), key=lambda point: point.name):
                self._add(point.name, point)
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> T:
        """The entry called ``name``.

        Raises:
            InputError: no such entry (the closest names are suggested), or its module cannot be imported.
        """
        if name not in self.names():
            raise InputError(f"there is no {self.kind} called {name!r}{self._hint(name, self.names())}")
        entry = self._entries[name]
        if isinstance(entry, (str, EntryPoint)):
            entry = self._entries[name] = self._load(name, entry)
        return entry

    def _load(self, name: str, where: str | EntryPoint) -> T:
        try:
            if isinstance(where, EntryPoint):
                loaded: T = where.load()
            else:
                module, _, attribute = where.partition(":")
                loaded = getattr(importlib.import_module(module), attribute)
            return loaded
        except (ImportError, AttributeError) as error:
            path = where if isinstance(where, str) else where.value
            raise InputError(f"the {self.kind} {name!r} could not be loaded from {path}: {error}") from error


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error message: ``; did you mean 'x'?`` or the list of what there is."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    return f"; there are: {', '.join(known)}" if known else ""


def load_plugin(file: str | Path) -> None:
    """Run a Python file that registers models or tasks (``--plugin FILE.py``).

    Raises:
        InputError: the file is missing, is not Python, or fails while it is imported.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise InputError(f"the plug-in {file} does not exist; --plugin takes the path of a Python file")
    name = f"harness_plugin_{path.stem}"
    if getattr(sys.modules.get(name), "__file__", None) == str(path):
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"the plug-in {file} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"the plug-in {file} failed while it was imported: {type(error).__name__}: {error}") from error
