"""What a sweep runs: grids of models, tasks, learning rates and seeds, from the command line or a TOML file.

# python -m harness sweep sweeps/mine.toml
models = ["avey-b", "bert"]
seeds = "0-4"

[[grid]]
tasks = ["ner"]
learning_rates = [5e-4, 1e-3]
recipe = { epochs = 2 }

What stands outside of the grids is meant for all of them. Paths are those that the command line would take.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_type_hints

from harness.cells.recipe import Recipe
from harness.cells.request import Request, checked_seed, number, seed_from
from harness.errors import InputError
from harness.registry import suggestion
from harness.values import shortened, valid_name, valid_path

GRID = "grid"
_LISTS_OF_TEXT = {"models": valid_name, "tasks": valid_name, "plugins": valid_path}
_TEXTS = {"weights": valid_path, "size": valid_name, "data_dir": valid_path}
_SWITCHES = ("skip_bad", "strict_tags")
KEYS = ("models", "tasks", "learning_rates", "seeds", *_TEXTS, *_SWITCHES, "plugins", "recipe", "task_options")
"""What a grid may say."""
_MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Grid:
    """Every model on every task, at every learning rate, from every seed.

    Attributes:
        models, tasks: as a user types them.
        learning_rates: empty for the one that task and weights decide.
        seeds: of the runs.
        recipe: values of the recipe other than the learning rate.
        weights, size, data_dir, skip_bad, plugins, task_options, strict_tags: see `harness.cells.request.Request`.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    learning_rates: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    weights: str = "scratch"
    size: str | None = None
    data_dir: str | None = None
    skip_bad: bool = False
    plugins: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    task_options: Mapping[str, str] = field(default_factory=dict)
    strict_tags: bool = False

    def requests(self) -> list[Request]:
        """One request a cell: task by task, model by model, rate by rate, seed by seed."""
        return [
            Request(
                model, task, self.weights, self.size, seed, self.data_dir,
                {**self.recipe, "learning_rate": rate}, self.task_options, self.skip_bad, self.plugins,
                self.strict_tags,
            )
            for task in self.tasks
            for model in self.models
            for rate in self.learning_rates or (None,)
            for seed in self.seeds
        ]  # fmt: skip


def read(
    file: str | Path | Mapping[str, Any] | None, given: Mapping[str, Any], usual: Mapping[str, Any] | None = None
) -> list[Grid]:
    """The grids of a file, or the one of the command line.

    Args:
        file: a TOML file, if there is one, or what one would hold.
        given: keys of a grid as the command line has them, which stand above those of the file.
        usual: keys of a grid that stand below those of the file.

    Raises:
        InputError: the file cannot be read, or a key is unknown, of a wrong type, empty or given twice.
    """
    if isinstance(file, Mapping):
        content, where = dict(file), "the grid"
    elif file is not None:
        content, where = _content(Path(file)), str(file)
    else:
        content, where = {}, "the command line"
    tables = content.pop(GRID, [{}])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{where}: grid is written as [[grid]], once for every grid")
    if not tables:
        raise InputError(f"{where} has no grid; leave grid out or write [[grid]]")
    _check_keys(content, where)
    grids = []
    for place, table in enumerate(tables, 1):
        here = where if len(tables) == 1 else f"{where}, grid {place}"
        _check_keys(table, here)
        grids.append(_grid(_merged(_merged(_merged(usual or {}, content, here), table, here), given, here), here))
    return grids


def one_request(table: Mapping[str, Any], where: str) -> Request:
    """The request that a table of values asks for; its keys are the names of `harness.cells.request.Request`.

    Args:
        table: has a ``model`` and a ``task``, in place of a grid's ``models`` and ``tasks``.
        where: what the table is called in messages.

    Raises:
        InputError: a value is missing, of a wrong type or out of its range.
    """
    model, task = (_text(table.get(key), key, where, valid_name) for key in ("model", "task"))
    recipe = dict(_table(table.get("recipe", {}), "recipe", where))
    options = _table(table.get("task_options", {}), "task_options", where)
    rates = {"learning_rates": [recipe.pop("learning_rate")]} if "learning_rate" in recipe else {}
    grid = dict(table) | {"models": [model], "tasks": [task], "recipe": recipe, "task_options": options} | rates
    return _grid(grid, where).requests()[0]


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


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {file}; sweep takes a TOML file, or --models and --tasks") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is no TOML: it is not UTF-8") from error
    except RecursionError as error:
        raise InputError(f"{file} nests brackets too deeply for a recipe; list the values without them") from error
    except ValueError as error:  # TOMLDecodeError, or Python's own about an integer of thousands of digits
        raise InputError(f"{file} is no TOML: {error}") from error


def _check_keys(table: Mapping[str, Any], where: str) -> None:
    if unknown := next((key for key in table if key not in KEYS), None):
        raise InputError(f"{where}: there is no key {unknown!r}{suggestion(unknown, KEYS)}")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Both tables; what is in the one above stands, and of the tables inside of them every value by itself."""
    merged = dict(below) | dict(above)
    for key in ("recipe", "task_options"):
        low, high = (_table(side.get(key, {}), key, where) for side in (below, above))
        # They say the same in two ways, so that one takes the place of the other.
        length = {"epochs", "max_steps"} if {"epochs", "max_steps"} & high.keys() else set()
        merged[key] = {name: value for name, value in low.items() if name not in length} | high
    return merged


def _table(value: Any, key: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: {key} is a table of names and values, not {value!r}")
    return value


def _grid(table: Mapping[str, Any], where: str) -> Grid:
    for key in ("models", "tasks"):
        if key not in table:
            raise InputError(f"{where} names no {key}; give some with --{key} A,B or in a TOML file")
    values: dict[str, Any] = {
        key: _distinct(_texts(table[key], key, where, kind), key, where)
        for key, kind in _LISTS_OF_TEXT.items()
        if key in table
    }
    for key, kind in _TEXTS.items():
        if table.get(key) is not None:
            values[key] = _text(table[key], key, where, kind)
    for key in _SWITCHES:
        if key in table:
            if not isinstance(table[key], bool):
                raise InputError(f"{where}: {key} is true or false, not {table[key]!r}")
            values[key] = table[key]
    if "learning_rates" in table:
        rates = _numbers(table["learning_rates"], where)
        values["learning_rates"] = _distinct(rates, "learning_rates", where)
    if "seeds" in table:
        values["seeds"] = _distinct(_seeds(table["seeds"], where), "seeds", where)
    options = {name: _option(name, value, where) for name, value in table["task_options"].items()}
    return Grid(**values, recipe=_recipe(table["recipe"], where), task_options=options)


def _recipe(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values of a recipe, of the types that it has.

    Raises:
        InputError: a name is unknown, or a value is of another type or out of its range.
    """
    hints = get_type_hints(Recipe)
    if "learning_rate" in table:
        raise InputError(f"{where}: learning rates belong to the grid, as in learning_rates = [1e-4]")
    if "epochs" in table and "max_steps" in table:
        raise InputError(f"{where}: epochs and max_steps are two lengths of one training; leave one out")
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in hints:
            raise InputError(f"{where}: a recipe has no {name!r}{suggestion(name, hints)}")
        values[name] = _recipe_value(name, value, hints[name], where)
    try:
        Recipe().with_options(values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return values


def _recipe_value(name: str, value: Any, hint: Any, where: str) -> Any:
    choices = get_args(hint) or (hint,)
    if float in choices and _is_number(value):
        return float(value)  # 1 and 1.0 are the same recipe
    if int in choices and _is_number(value) and isinstance(value, int):
        return value
    if isinstance(value, str) and value in choices:
        return value
    wanted = "a number" if float in choices else "a whole number" if int in choices else " or ".join(map(repr, choices))
    raise InputError(f"{where}: {name} of the recipe is {wanted}, not {value!r}")


def _texts(value: Any, key: str, where: str, kind: Callable[[str], str]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{where}: {key} is a list of names in quotes, not {value!r}")
    if not value and key != "plugins":
        raise InputError(f"{where}: {key} is empty, so there is nothing to run; name one at least")
    if not all(item.strip() for item in value):
        raise InputError(f"{where}: one of the {key} has no name")
    return [_text(item, key, where, kind) for item in value]


def _text(value: Any, key: str, where: str, kind: Callable[[str], str]) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: {key} is a text in quotes, not {value!r}")
    try:
        return kind(value)
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{where}: {key}: {error}") from None


def _numbers(value: Any, where: str) -> list[float]:
    if not isinstance(value, list) or not all(_is_number(item) for item in value):
        raise InputError(f"{where}: learning_rates is a list of numbers, not {value!r}")
    if not value:
        raise InputError(f"{where}: learning_rates is empty, so there is nothing to run; leave it out for the default")
    if wrong := [item for item in value if not 0 < item < float("inf")]:
        raise InputError(f"{where}: a learning rate must be greater than 0, not {wrong[0]:g}")
    return [float(item) for item in value]


def _seeds(value: Any, where: str) -> list[int]:
    if value == []:
        raise InputError(f"{where}: seeds is empty, so there is nothing to run; name one at least")
    try:
        if isinstance(value, str):
            return seeds_of(value)
        if isinstance(value, list) and all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            return [checked_seed(item) for item in value]
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    raise InputError(f'{where}: seeds is a list of whole numbers or a text such as "0-9", not {shortened(repr(value))}')


def _option(name: str, value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"{where}: the task option {name} is a text or a number, not {value!r}")
    return value if isinstance(value, str) else number(value) if isinstance(value, float) else str(value)


def _distinct(values: Sequence[Any], key: str, where: str) -> tuple[Any, ...]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise InputError(f"{where}: {twice[0]!r} stands twice in {key}; a cell is run once")
    return tuple(values)


def _is_number(value: Any) -> bool:
    """Of TOML's numbers: whole ones have 64 bits there."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)
