"""The cells of a sweep: grids of models, tasks, learning rates and seeds, from the command line or a TOML file.

# python -m harness sweep sweeps/mine.toml
models = ["avey-b", "bert"]
seeds = "0-4"

[[grid]]
tasks = ["ner"]
learning_rates = [5e-4, 1e-3]
recipe = { epochs = 2 }

Keys outside the grids apply to all of them. Paths are relative to the current folder, as on the command line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from harness.cells import grid_values
from harness.cells.recipe import LENGTHS
from harness.cells.recipe_field import RecipeValue
from harness.cells.request import Request
from harness.errors import InputError
from harness.registry import suggestion
from models.ranker import RANKERS

GRID = "grid"
_READERS: Mapping[str, Callable[[object, str, str], object]] = {
    "models": grid_values.models,
    "names": grid_values.shown_names,
    "tasks": grid_values.names,
    "test": grid_values.names,
    "learning_rates": grid_values.learning_rates,
    "seeds": grid_values.seeds,
    "weights": grid_values.path,
    "size": grid_values.name,
    "data_dir": grid_values.path,
    "skip_bad": grid_values.switch,
    "strict_tags": grid_values.switch,
    "plugins": grid_values.paths,
    "recipe": grid_values.recipe,
    "task_options": grid_values.task_options,
}
"""Key of a grid -> the function that reads its value."""
_NULLABLE = {"weights", "size", "data_dir"}
"""Keys for which a JSON file may say null, for the default."""


@dataclass(frozen=True)
class Grid:
    """Every model on every task, at every learning rate, from every seed.

    Attributes:
        models, tasks: as a user types them.
        names: what reports call the models, as many as them; empty for the defaults.
        test: other datasets that are scored by the models of every task. A ranker is not trained, so it gets these as tasks.
        learning_rates: empty for the default of task and weights.
        seeds: of the runs.
        recipe: values of the recipe other than the learning rate.
        weights, size, data_dir, skip_bad, plugins, task_options, strict_tags: see `harness.cells.request.Request`.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    learning_rates: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    _: KW_ONLY
    weights: str = "scratch"
    size: str | None = None
    data_dir: str | None = None
    skip_bad: bool = False
    plugins: tuple[str, ...] = ()
    recipe: Mapping[str, RecipeValue] = field(default_factory=dict)
    task_options: Mapping[str, str] = field(default_factory=dict)
    strict_tags: bool = False
    test: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def requests(self) -> list[Request]:
        """One request per cell: task by task, model by model, rate by rate, seed by seed."""
        shown = dict(zip(self.models, self.names, strict=True)) if self.names else {}
        rankers = [model for model in self.models if model in RANKERS]
        pairs = [(task, model) for task in self.tasks for model in self.models]
        pairs += [(task, model) for task in self.test if task not in self.tasks for model in rankers]
        return [
            Request(
                model,
                task,
                self.weights,
                size=self.size,
                seed=seed,
                data_dir=self.data_dir,
                recipe={**self.recipe, "learning_rate": rate},
                task_options=self.task_options,
                skip_bad=self.skip_bad,
                plugins=self.plugins,
                strict_tags=self.strict_tags,
                test=() if model in rankers else self.test,
                name=shown.get(model),
            )
            for task, model in pairs
            for rate in self.learning_rates or (None,)
            for seed in self.seeds
        ]


def read(
    file: str | Path | Mapping[str, object] | None,
    given: Mapping[str, object],
    defaults: Mapping[str, object] | None = None,
) -> list[Grid]:
    """The grids of a file, or the one of the command line.

    Args:
        file: a TOML file, if there is one, or a mapping in its form.
        given: keys of a grid from the command line; they override the file.
        defaults: keys of a grid that the file overrides.

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
        merged: Mapping[str, object] = defaults or {}
        for above in (content, table, given):
            merged = _merged(merged, above, here)
        grids.append(_grid(merged, here))
    return grids


def one_request(table: Mapping[str, object], where: str) -> Request:
    """The request that a table of values asks for; its keys are the names of `harness.cells.request.Request`.

    Args:
        table: has a ``model`` and a ``task``, in place of a grid's ``models`` and ``tasks``.
        where: how messages name the table.

    Raises:
        InputError: a value is missing, of a wrong type or out of its range.
    """
    model = grid_values.model(table.get("model"), "model", where)
    task = grid_values.name(table.get("task"), "task", where)
    recipe = dict(grid_values.table(table.get("recipe", {}), "recipe", where))
    rates = {"learning_rates": [recipe.pop("learning_rate")]} if "learning_rate" in recipe else {}
    named = {"names": [name]} if (name := table.get("name")) is not None else {}
    grid = dict(table) | {"models": [model], "tasks": [task], "recipe": recipe} | rates | named
    return _grid(grid, where).requests()[0]


def _content(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors begin a file with a byte order mark
    except FileNotFoundError:
        raise InputError(f"there is no file {file}; sweep takes a TOML file, or --models and --tasks") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not TOML: it is not UTF-8") from error
    except RecursionError as error:
        raise InputError(f"{file} nests brackets too deeply; write the values without them") from error
    except ValueError as error:  # TOMLDecodeError, or Python's own about an integer of thousands of digits
        raise InputError(f"{file} is not TOML: {error}") from error


def _check_keys(table: Mapping[str, object], where: str) -> None:
    if unknown := [key for key in table if key not in _READERS]:
        raise InputError(f"{where}: there is no key {unknown[0]!r}{suggestion(unknown[0], _READERS)}")


def _merged(below: Mapping[str, object], above: Mapping[str, object], where: str) -> dict[str, object]:
    """Merge two tables; ``above`` wins, key by key in nested tables."""
    merged = dict(below) | dict(above)
    for key in ("recipe", "task_options"):
        low, high = (grid_values.table(side.get(key, {}), key, where) for side in (below, above))
        # One length of training replaces the other, because a recipe has only one.
        replaced = set(LENGTHS) if set(LENGTHS) & high.keys() else set()
        merged[key] = {name: value for name, value in low.items() if name not in replaced} | high
    return merged


def _grid(table: Mapping[str, object], where: str) -> Grid:
    for key in ("models", "tasks"):
        if key not in table:
            raise InputError(f"{where} names no {key}; give some with --{key} A,B or in a TOML file")
    values: dict[str, Any] = {
        key: read_value(table[key], key, where)
        for key, read_value in _READERS.items()
        if key in table and not (table[key] is None and key in _NULLABLE)
    }
    if (names := values.get("names")) and len(names) != len(values["models"]):
        raise InputError(
            f"{where}: {len(names)} names are given for {len(values['models'])} models; name each model, or leave names out"
        )
    return Grid(**values)
