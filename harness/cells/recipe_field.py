"""The declaration of a recipe field: its option on the command line, its help and its bounds, besides type and default."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, ClassVar, Protocol, TypeGuard, TypeVar, get_args, get_type_hints

from harness.errors import InputError

RecipeValue = float | int | str | None
"""A value of a recipe."""

T = TypeVar("T", bound=RecipeValue)

_DECLARATION = "declaration"
_LARGEST_INTEGER = 2**63
"""TOML's integers have 64 bits."""


@dataclass(frozen=True)
class Bounds:
    """The numbers that a field accepts.

    Attributes:
        words: end of the sentence "the FIELD must be ...".
        accept: whether a number is among them.
    """

    words: str
    accept: Callable[[float], bool]

    def refusal(self, value: object) -> str:
        """The end of the sentence that refuses a value: ``must be greater than 0, not -1``; empty if it is among them."""
        number = value if isinstance(value, int | float) else None
        if number is not None and self.accept(number):
            return ""
        words = "a finite number" if isinstance(value, float) and not math.isfinite(value) else self.words
        return f"must be {words}, not " + (f"{value:g}" if isinstance(value, float) else repr(value))


POSITIVE = Bounds("greater than 0", lambda value: 0 < value < math.inf)
NOT_NEGATIVE = Bounds("0 or greater", lambda value: 0 <= value < math.inf)
SHARE = Bounds("from 0 to below 1", lambda value: 0 <= value < 1)


@dataclass(frozen=True)
class Usual:
    """The largest usual value of a field.

    Attributes:
        most: a larger value brings a note.
        beyond: what to expect above it, end of the note.
    """

    most: float
    beyond: str


@dataclass(frozen=True)
class Declaration:
    """The declaration of a field besides its name, type and default.

    Attributes:
        flag: its option on the command line.
        help: of that option.
        bounds: ``None`` if the type has choices.
        metavar: of that option; argparse's own if ``None``.
        usual: values above bring a note.
        always_written: the command that repeats a run contains it even at its default.
        decides_duration: runs that differ in it take different times.
        left_out: keys and records do not contain it while it has its default, so that cells from before it existed keep
            their keys.
    """

    flag: str
    help: str | None
    bounds: Bounds | None
    metavar: str | None
    usual: Usual | None
    always_written: bool
    decides_duration: bool
    left_out: bool


def declared(
    default: T,
    flag: str,
    help: str | None = None,
    bounds: Bounds | None = None,
    *,
    metavar: str | None = None,
    usual: Usual | None = None,
    always_written: bool = False,
    decides_duration: bool = False,
    left_out: bool = False,
) -> T:
    """A field of the recipe with its default and what `Declaration` lists."""
    declaration = Declaration(flag, help, bounds, metavar, usual, always_written, decides_duration, left_out)
    return field(default=default, metadata={_DECLARATION: declaration})


class HasFields(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class RecipeField:
    """A field of the recipe with everything that is derived from its declaration.

    Attributes:
        name: in the recipe, in TOML files and in records.
        types: of its values: types, or the values themselves if it has choices.
        default: unless task, weights or user decide.
        declaration: see `Declaration`.
    """

    name: str
    types: tuple[object, ...]
    default: RecipeValue
    declaration: Declaration

    @property
    def words(self) -> str:
        """The name in a sentence."""
        return self.name.replace("_", " ")

    @property
    def number(self) -> type[float] | type[int] | None:
        """The type of its numbers; ``None`` if it has choices or is a switch."""
        return float if float in self.types else int if int in self.types else None

    @property
    def choices(self) -> list[str]:
        """Its values if they are texts, else empty."""
        return [choice for choice in self.types if isinstance(choice, str)]

    @property
    def is_switch(self) -> bool:
        """Whether it is true or false."""
        return bool in self.types

    def check(self, value: RecipeValue) -> None:
        """Refuse a value that cannot be used.

        Raises:
            InputError: it is out of bounds or not among the choices.
        """
        if self.choices:
            if value not in self.choices:
                raise InputError(f"the {self.words} is {' or '.join(self.choices)}, not {value!r}")
            return
        if self.is_switch and not isinstance(value, bool):
            raise InputError(f"the {self.words} is true or false, not {value!r}")
        bounds, optional = self.declaration.bounds, type(None) in self.types
        if bounds is None or (value is None and optional):
            return
        if refusal := bounds.refusal(value):
            raise InputError(f"the {self.words} {refusal}")

    def typed(self, value: RecipeValue) -> RecipeValue:
        """The value as its key has it: 1 and 1.0 are the same recipe."""
        return float(value) if self.number is float and is_number(value) else value

    def from_toml(self, value: object) -> RecipeValue:
        """A value of a TOML or JSON file; its bounds are not checked.

        Raises:
            InputError: it has another type.
        """
        if self.number is float and is_number(value):
            return self.typed(value)
        if self.number is int and is_number(value) and isinstance(value, int):
            return value
        if (isinstance(value, str) and value in self.choices) or (isinstance(value, bool) and self.is_switch):
            return value
        choices = "true or false" if self.is_switch else " or ".join(map(repr, self.choices))
        wanted = {float: "a number", int: "a whole number", None: choices}[self.number]
        raise InputError(f"{self.name} of the recipe is {wanted}, not {value!r}")


def recipe_fields(recipe: type[HasFields]) -> dict[str, RecipeField]:
    """The declared fields of a recipe, by name and in order."""
    hints = get_type_hints(recipe)
    return {name: _recipe_field(one, hints[name]) for name, one in recipe.__dataclass_fields__.items()}


def _recipe_field(one: Field[RecipeValue], hint: object) -> RecipeField:
    default = None if one.default is MISSING else one.default
    return RecipeField(one.name, get_args(hint) or (hint,), default, one.metadata[_DECLARATION])


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a TOML file is a number."""
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_INTEGER
    return whole or isinstance(value, float)
