"""A baseline of the gate: its cells with their scores and losses over seeds, and its file.

A new baseline (``results/baselines/*.json``) begins as a file that only names its cells:

    {"cells": [{"request": {"model": "bert", "task": "ner/gate", "data_dir": "data", "recipe": {"precision": "fp32"}}}]}

``python -m harness regress --baseline FILE --update --why TEXT`` runs these cells and adds the rest to the file.

| key of the file | content | writer |
| --- | --- | --- |
| ``cells`` | one object for each gated cell, see below | you |
| ``rerun_seeds`` | the seeds that the gate runs, fewer than a cell has, to save time; default ``[0, 1, 2]`` | you |
| ``schema_version`` | 1 | ``--update`` |
| ``why``, ``date``, ``git_revision``, ``environment`` | the reason, and where the runs were made | ``--update`` |
| ``matmul_gflops`` | GFLOP/s of that machine in float32 products on one thread, or null | ``--update`` |

| key of a cell | content | writer |
| --- | --- | --- |
| ``request`` | ``model`` and ``task``; all other options of ``run`` that are not output may be added | you |
| ``test`` | one of the request's test sets: its score is gated, not that on the training data | you |
| ``seeds`` | two or more different seeds, over which the spread is taken; default ``[0, 1, 2, 3, 4]`` | you |
| ``fingerprint``, ``recipe``, ``metric`` | of the runs, resolved; the gate refuses other runs | ``--update`` |
| ``scores`` | test score by ``metric`` of each seed, as fractions | ``--update`` |
| ``constant_guess`` | the ``metric`` of a constant answer; the lowest score that passes must be above it | ``--update`` |
| ``losses`` | mean training loss of each seed; empty if nothing is trained | ``--update`` |
| ``examples_per_gflop`` | examples trained on and predicted per second, over ``matmul_gflops``, of each seed | ``--update`` |

After ``--update --scores-only`` there are no ``matmul_gflops`` and ``examples_per_gflop``, and no later run is judged by its speed.
Paths in a request are relative to the file: those of data, plug-ins, model, weights and candidates. A model, weights or candidates that
are not beside the file are read as names, hub ids or paths from the current folder.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeGuard

from harness.cells.grids import one_request
from harness.cells.paths import with_paths
from harness.cells.request import Request
from harness.errors import InputError
from harness.json_file import JsonError, read_json
from harness.registry import suggestion
from harness.text_file import write_whole
from harness.values import name_of_folder

SCHEMA_VERSION = 1
SEEDS, RERUN_SEEDS = (0, 1, 2, 3, 4), (0, 1, 2)
"""The defaults of a file."""
NEW = '{"cells": [{"request": {"model": "bert", "task": "ner"}}]}'
"""The shortest new baseline."""
_REQUEST = {field.name for field in fields(Request)} - {"seed"}
"""Keys of a request."""


@dataclass(frozen=True)
class GatedCell:
    """A cell of the baseline: one encoder on one dataset by one recipe, from several seeds.

    Attributes:
        request: what to run, from any seed.
        written: the request as the file has it, with relative paths.
        seeds: those that the scores are of.
        fingerprint, recipe, metric: of its runs; empty before the first ``--update``.
        scores: test score by the main metric of each seed.
        constant_guess: see `tasks.task.constant_guess`; ``None`` if the file does not have it.
        losses: training loss of each seed, see `mean_loss`; empty if nothing is trained.
        examples_per_gflop: examples trained on and predicted per second, over the machine's GFLOP/s; of each seed.
        test: the test set whose score is gated; empty for the dataset of the training.
    """

    request: Request
    written: Mapping[str, object]
    seeds: tuple[int, ...]
    fingerprint: str = ""
    recipe: Mapping[str, object] | None = None
    metric: str = ""
    scores: tuple[float, ...] = ()
    constant_guess: float | None = None
    losses: tuple[float, ...] = ()
    examples_per_gflop: tuple[float, ...] = ()
    test: str = ""

    def requests(self, seeds: Sequence[int], plugins: Sequence[str] = ()) -> list[Request]:
        """The request of each seed, with more plug-ins."""
        return [replace(self.request, seed=seed, plugins=(*self.request.plugins, *plugins)) for seed in seeds]


@dataclass(frozen=True)
class Baseline:
    """A baseline file.

    Attributes:
        file: its path.
        cells: what it gates.
        rerun_seeds: the seeds that the gate runs: fewer than the baseline has, to save time.
        about: its other keys: reason, date, revision, environment.
    """

    file: Path
    cells: tuple[GatedCell, ...]
    rerun_seeds: tuple[int, ...]
    about: Mapping[str, object]

    @property
    def gflops(self) -> float | None:
        """The rate of matrix products of the machine on which it was made."""
        rate = self.about.get("matmul_gflops")
        return rate if _is_number(rate) else None


def read_baseline(file: str | Path, update: bool = False) -> Baseline:
    """Read a baseline.

    Args:
        file: its path.
        update: read only what is to be run, since everything else is about to be replaced.

    Raises:
        InputError: it is missing, not JSON, of another schema, or has a key or a value that is not allowed.
    """
    path = Path(file)
    content = _content(path)
    where = f"the baseline {file}"
    if not update and content.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{where} has schema version {content.get('schema_version')}, not {SCHEMA_VERSION}; "
            "write it again with --update --why TEXT"
        )
    named = content.get("cells")
    if not isinstance(named, list) or not named or not all(isinstance(each, dict) for each in named):
        raise InputError(f"{where} names no cells; a new one begins as {NEW}")
    cells = [_cell(path, each, f"{where}, cell {place}") for place, each in enumerate(named, 1)]
    if not update:
        cells = [_measured(cell, each, where) for cell, each in zip(cells, named, strict=True)]
    rerun = _seeds(content.get("rerun_seeds", RERUN_SEEDS), f"{where}: rerun_seeds")
    about = {key: value for key, value in content.items() if key not in ("cells", "rerun_seeds", "schema_version")}
    return Baseline(path, tuple(cells), rerun, about)


def _content(file: Path) -> dict[str, object]:
    try:
        content = read_json(file)
    except FileNotFoundError:
        raise InputError(
            f"there is no baseline {file}; write {NEW} into it, with your models and tasks, and run --update --why TEXT"
        ) from None
    except OSError as error:
        raise InputError(
            f"the baseline {file} cannot be read ({error.strerror}); --baseline takes a JSON file"
        ) from error
    except JsonError as error:
        raise InputError(f"the baseline {file} {error}; restore it from version control") from error
    if not isinstance(content, dict):
        raise InputError(f"the baseline {file} is not a JSON object; a new one begins as {NEW}")
    return content


def _cell(file: Path, content: Mapping[str, object], where: str) -> GatedCell:
    """A cell, with the keys that people write."""
    written = content.get("request")
    if not isinstance(written, dict):
        raise InputError(f"{where} has no request; a new baseline begins as {NEW}")
    if unknown := sorted(set(written) - _REQUEST):
        raise InputError(f"{where} asks for {unknown[0]!r}{suggestion(unknown[0], _REQUEST)}")
    request = one_request(written, where)
    request = replace(
        with_paths(request, lambda text: _beside(file, text)),
        data_dir=str(file.parent / request.data_dir) if request.data_dir else None,
        plugins=tuple(str(file.parent / plugin) for plugin in request.plugins),
    )
    seeds = _seeds(content.get("seeds", SEEDS), f"{where}: seeds")
    if len(seeds) < 2:
        raise InputError(f"{where} needs two or more different seeds; one seed has no spread")
    test = content.get("test", "")
    if test and test not in request.test:
        raise InputError(f"{where} gates the test set {test!r}, which its request does not name in test")
    return GatedCell(request, written, seeds, test=str(test))


def _beside(file: Path, text: str) -> str:
    """The path if it is beside the file, else the text as it is."""
    path = file.parent / text
    return str(path) if text and path.exists() else text


def _seeds(value: object, what: str) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(type(seed) is int and seed >= 0 for seed in value)
    if isinstance(value, list | tuple) and whole and value and len(set(value)) == len(value):
        return tuple(value)
    raise InputError(f"{what} is a list of different whole numbers from 0 up, such as [0, 1, 2], not {value!r}")


def _measured(cell: GatedCell, content: Mapping[str, object], where: str) -> GatedCell:
    """The cell with the keys that ``--update`` wrote."""
    scores, losses, speeds = (
        _numbers(content.get(key, ()), key, cell, where) for key in ("scores", "losses", "examples_per_gflop")
    )
    fingerprint, metric = content.get("fingerprint", ""), content.get("metric", "")
    recipe, guess = content.get("recipe"), content.get("constant_guess")
    if (
        not (isinstance(fingerprint, str) and isinstance(metric, str))
        or not isinstance(recipe, dict | None)
        or not (guess is None or _is_number(guess))
    ):
        raise InputError(f"{where} is damaged: {name(cell)} has values of other types; write it again with --update")
    return replace(
        cell,
        fingerprint=fingerprint,
        metric=metric,
        recipe=recipe,
        constant_guess=guess,
        scores=scores,
        losses=losses,
        examples_per_gflop=speeds,
    )


def _numbers(value: object, key: str, cell: GatedCell, where: str) -> tuple[float, ...]:
    """One finite number for each seed, or an empty tuple."""
    if not isinstance(value, list | tuple) or not all(map(_is_number, value)):
        raise InputError(f"{where} is damaged: {key} of {name(cell)} is a list of numbers, not {value!r}")
    if value and len(value) != len(cell.seeds):
        raise InputError(
            f"{where} is damaged: {name(cell)} has {len(value)} {key} of {len(cell.seeds)} seeds; "
            "write it again with --update --why TEXT"
        )
    return tuple(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def name(cell: GatedCell) -> str:
    """``bert on ner/gate``, ``bert (hub) on ner/gate``, or ``bert on nli/hans (trained on nli/mnli)``."""
    request = cell.request
    weights = "" if request.weights == "scratch" else f" ({name_of_folder(request.weights)})"
    where = f"{cell.test} (trained on {request.task})" if cell.test else request.task
    return f"{cell.written.get('model', request.model)}{weights} on {where}"


def write_baseline(baseline: Baseline) -> None:
    """Write the file of a baseline in place of the old one, in one step.

    Raises:
        InputError: the file cannot be written.
    """
    measured = ("fingerprint", "recipe", "metric", "scores", "constant_guess", "losses", "examples_per_gflop")
    content = {
        "schema_version": SCHEMA_VERSION,
        **baseline.about,
        "rerun_seeds": baseline.rerun_seeds,
        "cells": [
            {"request": cell.written, "seeds": cell.seeds}
            | ({"test": cell.test} if cell.test else {})
            | {key: getattr(cell, key) for key in measured}
            for cell in baseline.cells
        ],
    }
    try:
        write_whole(baseline.file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise _cannot_write(baseline.file, error) from error


def check_writable(file: Path) -> None:
    """Make sure, before the runs, that a new baseline can be written.

    Raises:
        InputError: nothing can be written into its folder.
    """
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise _cannot_write(file, error) from error


def _cannot_write(file: Path, error: OSError) -> InputError:
    return InputError(f"the baseline {file} cannot be written ({error.strerror})")
