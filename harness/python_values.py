"""Check values from Python callers as the command line checks its own.

numpy's numbers, paths and any iterable are accepted in place of numbers, texts and lists.
"""

from __future__ import annotations

import argparse
import numbers
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from harness.errors import InputError
from harness.values import shortened, valid_path, valid_shown_name

T = TypeVar("T")


def given_values(values: Mapping[str, object]) -> dict[str, object]:
    """The values that are not ``None``, in the types of TOML."""
    return {name: plain_value(value) for name, value in values.items() if value is not None}


def plain_value(value: object) -> object:
    """A value in the types of TOML: tables, lists, texts, and Python's own numbers in place of numpy's."""
    if isinstance(value, Mapping):
        return given_values(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return [plain_value(item) for item in value] if isinstance(value, Iterable) else value


def as_path(value: object, name: str) -> str:
    """A path, see `harness.values.valid_path`.

    Raises:
        InputError: it is not.
    """
    return _valid(plain_value(value), name, valid_path)


def as_paths(values: object) -> list[str]:
    """The paths of plug-ins; one alone needs no list.

    Raises:
        InputError: one is not a path.
    """
    return [as_path(value, "plugins") for value in _several(values)]


def as_texts(values: object, name: str) -> list[str]:
    """Several texts; one alone needs no list.

    Raises:
        InputError: one is not a text.
    """
    return [as_text(value, name) for value in _several(values)]


def as_shown_names(values: object, name: str) -> list[str]:
    """Names that people give to models, see `harness.values.valid_shown_name`; one alone needs no list.

    Raises:
        InputError: one is not.
    """
    return [_valid(value, name, valid_shown_name) for value in _several(values)]


def _valid(value: object, name: str, valid: Callable[[str], str]) -> str:
    try:
        return valid(as_text(value, name))
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{name}: {error}") from None


def _several(values: object) -> list[object]:
    """A list; a value that is none becomes its only item."""
    plain = plain_value(values)
    return plain if isinstance(plain, list) else [plain]


def as_joined(values: object, name: str) -> str:
    """Several values in the command line's form, with commas.

    Raises:
        InputError: it is not a list.
    """
    several = plain_value(values)
    if isinstance(several, str):
        return several
    if not isinstance(several, list):
        raise InputError(f"{name} takes a list, not {several!r}")
    return ",".join(map(str, several))


def as_text(value: object, name: str) -> str:
    """A text.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, str):
        raise InputError(f"{name} takes a text, not {shortened(repr(value))}")
    return value


def as_whole(value: object, name: str) -> int | None:
    """A whole number, or ``None``.

    Raises:
        InputError: it is not.
    """
    plain = plain_value(value)
    if plain is not None and (not isinstance(plain, int) or isinstance(plain, bool)):
        raise InputError(f"{name} takes a whole number, not {shortened(repr(value))}")
    return plain


def as_number(value: object, name: str) -> float:
    """A number.

    Raises:
        InputError: it is not.
    """
    plain = plain_value(value)
    if not isinstance(plain, int | float) or isinstance(plain, bool):
        raise InputError(f"{name} takes a number, not {shortened(repr(value))}")
    return plain


def one_of(name: str, value: T, choices: tuple[object, ...]) -> T:
    """The value, if it is among the choices.

    Raises:
        InputError: it is not.
    """
    if value not in choices:
        raise InputError(f"{name} is one of {', '.join(map(repr, choices))}, not {shortened(repr(value))}")
    return value
