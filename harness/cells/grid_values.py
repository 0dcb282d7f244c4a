"""Check and convert the values of a grid's keys from a TOML file, a JSON file or the command line.

Every function takes the value, and its key and place for messages. It raises `InputError` if the value is not usable.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.cells.recipe import LENGTHS, RECIPE_FIELDS, Recipe
from harness.cells.recipe_field import POSITIVE, RecipeValue, is_number
from harness.cells.request import checked_seed, number, seed_from
from harness.errors import InputError
from harness.registry import suggestion
from harness.values import shortened, valid_model, valid_name, valid_path, valid_shown_name

T = TypeVar("T", float, int, str)

_MOST_SEEDS = 10_000


def seeds_of(text: str) -> list[int]:
    """``0,1,2`` and ``0-9`` as seeds.

    Raises:
        InputError: it is neither.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if found is None:
            raise InputError(f"seeds are numbers such as 0,1,2 or 0-9, not {shortened(text)!r}")
        first, last = seed_from(found[1]), seed_from(found[2] or found[1])
        if last < first or last - first >= _MOST_SEEDS:
            raise InputError(f"seeds run from the lower to the higher, {_MOST_SEEDS:,} at most, not {part.strip()!r}")
        seeds += range(first, last + 1)
    return seeds


def table(value: object, key: str, where: str) -> dict[str, object]:
    """A table of names and values."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: {key} is a table of names and values, not {value!r}")
    return value


def names(value: object, key: str, where: str) -> tuple[str, ...]:
    """Different names of models or tasks, one or more."""
    if value == []:
        raise InputError(f"{where}: {key} is empty, so there is nothing to run; name at least one")
    return _texts(value, key, where, valid_name)


def models(value: object, key: str, where: str) -> tuple[str, ...]:
    """Different models, one or more: registered names, folders or hub ids."""
    if value == []:
        raise InputError(f"{where}: {key} is empty, so there is nothing to run; name at least one")
    return _texts(value, key, where, valid_model)


def model(value: object, key: str, where: str) -> str:
    """One model."""
    return _text(value, key, where, valid_model)


def shown_names(value: object, key: str, where: str) -> tuple[str, ...]:
    """Different names that people give to models."""
    if isinstance(value, list) and (twice := [name for name in value if value.count(name) > 1]):
        raise InputError(
            f"{where}: two models cannot both be called {twice[0]!r}; give each a name of its own in {key}"
        )
    return _texts(value, key, where, valid_shown_name)


def paths(value: object, key: str, where: str) -> tuple[str, ...]:
    """Different paths."""
    return _texts(value, key, where, valid_path)


def name(value: object, key: str, where: str) -> str:
    """One name."""
    return _text(value, key, where, valid_name)


def path(value: object, key: str, where: str) -> str:
    """One path, or a hub id."""
    return _text(value, key, where, valid_path)


def switch(value: object, key: str, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{where}: {key} is true or false, not {value!r}")
    return value


def learning_rates(value: object, key: str, where: str) -> tuple[float, ...]:
    """Different learning rates, one or more."""
    if not isinstance(value, list) or not all(is_number(item) for item in value):
        raise InputError(f"{where}: {key} is a list of numbers, not {value!r}")
    if not value:
        raise InputError(f"{where}: {key} is empty, so there is nothing to run; leave it out for the default")
    if wrong := next(filter(None, map(POSITIVE.refusal, value)), ""):
        raise InputError(f"{where}: a learning rate {wrong}")
    return _different([float(item) for item in value], key, where)


def seeds(value: object, key: str, where: str) -> tuple[int, ...]:
    """Different seeds, as a list or a text such as ``0-9``."""
    if value == []:
        raise InputError(f"{where}: {key} is empty, so there is nothing to run; name at least one")
    return _different(_seeds(value, key, where), key, where)


def recipe(value: object, key: str, where: str) -> dict[str, RecipeValue]:
    """Values of the recipe other than the learning rate."""
    given = table(value, key, where)
    if "learning_rate" in given:
        raise InputError(f"{where}: learning rates belong to the grid, as in learning_rates = [1e-4]")
    if all(length in given for length in LENGTHS):
        raise InputError(f"{where}: {' and '.join(LENGTHS)} are two lengths of one training; leave one out")
    if unknown := [each for each in given if each not in RECIPE_FIELDS]:
        raise InputError(f"{where}: a recipe has no {unknown[0]!r}{suggestion(unknown[0], RECIPE_FIELDS)}")
    try:
        values = {each: RECIPE_FIELDS[each].from_toml(item) for each, item in given.items()}
        Recipe().with_options(values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return values


def task_options(value: object, key: str, where: str) -> dict[str, str]:
    """Options of the task, as text."""
    return {each: _option(each, item, where) for each, item in table(value, key, where).items()}


def _seeds(value: object, key: str, where: str) -> list[int]:
    try:
        if isinstance(value, str):
            return seeds_of(value)
        if isinstance(value, list) and all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            return [checked_seed(item) for item in value]
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    shown = shortened(repr(value))
    raise InputError(f'{where}: {key} is a list of whole numbers or a text such as "0-9", not {shown}')


def _option(option: str, value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"{where}: the task option {option} is a text or a number, not {value!r}")
    return value if isinstance(value, str) else number(value) if isinstance(value, float) else str(value)


def _texts(value: object, key: str, where: str, valid: Callable[[str], str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{where}: {key} is a list of names in quotes, not {value!r}")
    if not all(item.strip() for item in value):
        raise InputError(f"{where}: one of the {key} has no name")
    return _different([_text(item, key, where, valid) for item in value], key, where)


def _text(value: object, key: str, where: str, valid: Callable[[str], str]) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: {key} is a text in quotes, not {value!r}")
    try:
        return valid(value)
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{where}: {key}: {error}") from None


def _different(values: Sequence[T], key: str, where: str) -> tuple[T, ...]:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise InputError(f"{where}: {twice[0]!r} is twice in {key}; a cell is run once")
    return tuple(values)
