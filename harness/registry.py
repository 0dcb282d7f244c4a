"""A registry of objects by name: a decorator for code, lazy paths for heavy modules, entry points for other packages.

MODELS = Registry[Encoder]("model", entry_points="encoder_harness.models")
MODELS.register("my-encoder")(encoder)          # or as a decorator
MODELS.register_lazily("big", "package.module:attribute")
MODELS["my-encoder"]
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar

from harness.errors import InputError, on_one_line

T = TypeVar("T")

_PLUGIN = "harness_plugin_"
"""Prefix of the module names of plug-ins."""


class Registry(Generic[T]):
    """Objects of one kind by the name that a user types.

    Args:
        kind: the word for an entry in messages, for example ``"model"``.
        entry_points: the entry-point group in which installed packages announce entries; the name of
            the entry point is the name of the entry, and it is imported only when it is asked for.
        fault: returns why an object cannot be an entry, as the end of a sentence that begins with its name; empty if it can.
        hint: returns the end of the message about an unknown name, from that name and the known ones; by default
            `suggestion`.
    """

    def __init__(
        self,
        kind: str,
        entry_points: str,
        fault: Callable[[object], str] = lambda entry: "",
        hint: Callable[[str, list[str]], str] | None = None,
    ) -> None:
        self.kind = kind
        self._fault, self._hint = fault, hint or suggestion
        self._group = entry_points
        self._entries: dict[str, T | str | EntryPoint] = {}
        self._announced = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument under ``name`` and returns it.

        Raises:
            InputError: the name is taken, so that a plug-in cannot silently replace a built-in entry; or it is not a valid
                name, or the argument is not of the registry's kind.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[\w.+-]+", name):
            raise InputError(
                f"a {self.kind} cannot be registered as {name!r}; a name is a text of letters, digits and . + - _"
            )

        def file_it(entry: T) -> T:
            self._refuse_wrong(name, entry)
            self._add(name, entry)
            return entry

        return file_it

    def register_lazily(self, name: str, path: str) -> None:
        """Register ``"module:attribute"`` under ``name``; it is imported at the first look-up."""
        self._add(name, path)

    def _add(self, name: str, entry: T | str | EntryPoint) -> None:
        if name in self._entries:
            raise InputError(f"the {self.kind} {name!r} is already registered; give yours another name")
        self._entries[name] = entry

    def names(self) -> list[str]:
        """All names, built-in ones in the order of registration, then those of installed packages."""
        if not self._announced:
            self._announced = True
            for point in sorted(entry_points(group=self._group), key=lambda point: point.name):
                if point.name in self._entries:
                    raise InputError(f"{point.value} of an installed package is a second {self.kind} {point.name!r}")
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
        path = where if isinstance(where, str) else where.value
        with _importing(f"the {self.kind} {name!r} could not be loaded from {path}"):
            if isinstance(where, EntryPoint):
                loaded: T = where.load()
            else:
                module, _, attribute = where.partition(":")
                loaded = getattr(importlib.import_module(module), attribute)
            self._refuse_wrong(name, loaded)
            return loaded

    def _refuse_wrong(self, name: str, entry: object) -> None:
        if fault := self._fault(entry):
            raise InputError(f"the {self.kind} {name!r} {fault}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error message: ``; did you mean 'x'?`` or the list of known names."""
    known = list(known)
    if close := closest(name, known):
        return did_you_mean(close)
    return f"; there are: {', '.join(known)}" if known else ""


def closest(name: str, known: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """The one or two names most similar to a misspelt one; empty if none has a similarity of ``cutoff`` (0 to 1)."""
    return difflib.get_close_matches(name, list(known), n=2, cutoff=cutoff)


def did_you_mean(names: Iterable[str]) -> str:
    """``; did you mean 'x' or 'y'?``."""
    return f"; did you mean {' or '.join(map(repr, names))}?"


def load_plugins(files: Iterable[str | Path]) -> None:
    """Run all plug-ins of a command, see `load_plugin`.

    Raises:
        InputError: one cannot be loaded, or two have the same name, which must be unique to find their classes.
    """
    of_name: dict[str, str] = {}
    for file in files:
        other = of_name.setdefault(Path(file).stem, os.path.realpath(file))
        if other != os.path.realpath(file):
            raise InputError(f"the plug-ins {other} and {file} have the same name; rename one of them")
        load_plugin(file)


def load_plugin(file: str | Path) -> None:
    """Run a Python file that registers models or tasks (``--plugin FILE.py``).

    Raises:
        InputError: the file is missing, is not Python, or fails while it is imported.
    """
    path = Path(os.path.realpath(file))
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"the plug-in {file} {problem}; --plugin takes the path of a Python file")
    name = f"{_PLUGIN}{path.stem}"
    if getattr(sys.modules.get(name), "__file__", None) == str(path):
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"the plug-in {file} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importing(f"the plug-in {file} failed while it was imported"):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


@contextmanager
def _importing(failed: str) -> Iterator[None]:
    """Import foreign code: whatever it raises, including `SystemExit`, becomes an `InputError`.

    Args:
        failed: the beginning of the sentence.
    """
    try:
        yield
    except KeyboardInterrupt:  # from the user
        raise
    except InputError as error:
        raise InputError(f"{failed}: {error}") from error
    except BaseException as error:
        raise InputError(f"{failed}: {_what(error)}") from error


@contextmanager
def plugin_failures() -> Iterator[None]:
    """Turn exceptions of a plug-in's code while the block runs into an `InputError` that names the file and line.

    Raises:
        InputError: a plug-in's code raised another exception, or some code called ``sys.exit``.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt, BrokenPipeError):
        raise
    except BaseException as error:
        if sentence := failure_of_plugin(error):
            raise sentence from error
        raise


def failure_of_plugin(error: BaseException) -> InputError | None:
    """The user's message about an exception that a plug-in's code raised while a command ran.

    Returns:
        A sentence that names the file and line; ``None`` if no plug-in's code was running, unless the exception is a
        `SystemExit`, which would end the command as if it had succeeded.
    """
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__")).startswith(_PLUGIN):
            where = f"the plug-in {frame.f_globals.get('__file__')} failed in line {line}"
            return InputError(f"{where}: {_what(error)}")
    if isinstance(error, SystemExit):
        return InputError(f"a library ended the command before it was done: {_what(error)}")
    return None


def _what(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r}); let it raise an exception instead"
    return f"{type(error).__name__}: {on_one_line(error)}" if str(error) else type(error).__name__
