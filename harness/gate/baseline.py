"""A baseline of the gate: the cells that it names, their scores and losses over seeds, and the file that holds them.

A new baseline (``results/baselines/*.json``) begins as a file that names its cells and nothing else:

    {"cells": [{"request": {"model": "bert", "task": "ner/gate", "data_dir": "data", "recipe": {"precision": "fp32"}}}]}

``python -m harness regress --baseline FILE --update --why TEXT`` runs these cells and writes the rest into the file.

| key of the file | what it holds | who writes it |
| --- | --- | --- |
| ``cells`` | one object for each gated cell, see below | you |
| ``rerun_seeds`` | the seeds that the gate runs, fewer than a cell has, to be quick; default ``[0, 1, 2]`` | you |
| ``schema_version`` | 1 | ``--update`` |
| ``why``, ``date``, ``git_revision``, ``environment`` | the reason, and where the runs were made | ``--update`` |
| ``matmul_gflops`` | GFLOP/s of that machine in float32 products on one thread, or null | ``--update`` |

| key of a cell | what it holds | who writes it |
| --- | --- | --- |
| ``request`` | ``model`` and ``task``, and what else `harness.cells.request.Request` has but for the seed | you |
| ``seeds`` | two or more different seeds, over which the spread is taken; default ``[0, 1, 2, 3, 4]`` | you |
| ``fingerprint``, ``recipe``, ``metric`` | of the runs, resolved; the gate refuses runs of others | ``--update`` |
| ``scores`` | test score by ``metric`` of each seed, as fractions | ``--update`` |
| ``constant_guess`` | what ``metric`` gives a model that answers every example alike; the tolerance must end above it | ``--update`` |
| ``losses`` | mean training loss of each seed; empty where nothing is trained | ``--update`` |
| ``examples_per_gflop`` | examples trained on and predicted a second, over ``matmul_gflops``, of each seed | ``--update`` |

After ``--update --scores-only`` there are no ``matmul_gflops`` and ``examples_per_gflop``, and no later run is judged by its speed.
Paths in a request are relative to the file.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from harness.cells.grids import one_request
from harness.cells.request import Request
from harness.errors import InputError
from harness.registry import suggestion
from harness.store import Record

SCHEMA_VERSION = 1
SEEDS, RERUN_SEEDS = (0, 1, 2, 3, 4), (0, 1, 2)
"""Those of a file that names none."""
NEW = '{"cells": [{"request": {"model": "bert", "task": "ner"}}]}'
"""The least that a new baseline says."""
_REQUEST = {"model", "task", "weights", "size", "data_dir", "recipe", "task_options", "skip_bad", "plugins"}
_UNGATED = ("steps", "resumed_from_step")
"""Of the recipe in a record: what happened, not what was asked for."""


@dataclass(frozen=True)
class GatedCell:
    """A cell of the baseline: one encoder on one dataset by one recipe, from several seeds.

    Attributes:
        request: what to run, from any seed.
        written: the request as the file has it, with relative paths.
        seeds: those that the scores are of.
        fingerprint, recipe, metric: of its runs; empty before the first ``--update``.
        scores: test score by the main metric of each seed.
        constant_guess: see `tasks.task.constant_guess`; ``None`` where the file does not have it.
        losses: training loss of each seed, see `mean_loss`; empty where nothing is trained.
        examples_per_gflop: examples trained on and predicted a second, over the machine's GFLOP/s; of each seed.
    """

    request: Request
    written: Mapping[str, Any]
    seeds: tuple[int, ...]
    fingerprint: str = ""
    recipe: Mapping[str, Any] | None = None
    metric: str = ""
    scores: tuple[float, ...] = ()
    constant_guess: float | None = None
    losses: tuple[float, ...] = ()
    examples_per_gflop: tuple[float, ...] = ()

    def requests(self, seeds: Sequence[int], plugins: Sequence[str] = ()) -> list[Request]:
        """The request of each seed, with plug-ins more."""
        return [replace(self.request, seed=seed, plugins=(*self.request.plugins, *plugins)) for seed in seeds]


@dataclass(frozen=True)
class Baseline:
    """A baseline file.

    Attributes:
        file: where it is.
        cells: what it gates.
        rerun_seeds: the seeds that the gate runs: fewer than the baseline has, to be quick.
        told: what else it says: reason, date, revision, environment.
    """

    file: Path
    cells: tuple[GatedCell, ...]
    rerun_seeds: tuple[int, ...]
    told: Mapping[str, Any]


def read_baseline(file: str | Path, update: bool = False) -> Baseline:
    """Read a baseline.

    Args:
        file: its path.
        update: read what is to be run alone, since all else is about to be written anew.

    Raises:
        InputError: it is missing, not JSON, of another schema, or says what a baseline does not.
    """
    path = Path(file)
    content = _content(path)
    where = f"the baseline {file}"
    if not update and content.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{where} has schema version {content.get('schema_version')}, not {SCHEMA_VERSION}; "
            "write it anew with --update --why TEXT"
        )
    named = content.get("cells")
    if not isinstance(named, list) or not named or not all(isinstance(each, dict) for each in named):
        raise InputError(f"{where} names no cells; a new one begins as {NEW}")
    cells = [_cell(path, each, f"{where}, cell {place}") for place, each in enumerate(named, 1)]
    if not update:
        cells = [_measured(cell, each, where) for cell, each in zip(cells, named, strict=True)]
    rerun = _seeds(content.get("rerun_seeds", RERUN_SEEDS), f"{where}: rerun_seeds")
    told = {key: value for key, value in content.items() if key not in ("cells", "rerun_seeds", "schema_version")}
    return Baseline(path, tuple(cells), rerun, told)


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no baseline {file}; write {NEW} into it, with your models and tasks, and run --update --why TEXT"
        ) from None
    except OSError as error:
        raise InputError(
            f"the baseline {file} cannot be read ({error.strerror}); --baseline takes a JSON file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {file} is not JSON ({error}); take it from version control again") from error
    if not isinstance(content, dict):
        raise InputError(f"the baseline {file} holds no JSON object; a new one begins as {NEW}")
    return content


def _cell(file: Path, content: Mapping[str, Any], where: str) -> GatedCell:
    """A cell, as far as people write it."""
    written = content.get("request")
    if not isinstance(written, dict):
        raise InputError(f"{where} has no request; a new baseline begins as {NEW}")
    if unknown := sorted(set(written) - _REQUEST):
        raise InputError(f"{where} asks for {unknown[0]!r}{suggestion(unknown[0], _REQUEST)}")
    request = one_request(written, where)
    request = replace(
        request,
        data_dir=str(file.parent / request.data_dir) if request.data_dir else None,
        plugins=tuple(str(file.parent / plugin) for plugin in request.plugins),
    )
    seeds = _seeds(content.get("seeds", SEEDS), f"{where}: seeds")
    if len(seeds) < 2:
        raise InputError(f"{where} needs two or more different seeds; a spread is of several")
    return GatedCell(request, written, seeds)


def _seeds(value: Any, what: str) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(type(seed) is int and seed >= 0 for seed in value)
    if not whole or not value or len(set(value)) < len(value):
        raise InputError(f"{what} is a list of different whole numbers from 0 on, such as [0, 1, 2], not {value!r}")
    return tuple(value)


def _measured(cell: GatedCell, content: Mapping[str, Any], where: str) -> GatedCell:
    """The cell with what ``--update`` wrote of its runs."""
    scores, losses, speeds = (
        _numbers(content.get(key, ()), key, cell, where) for key in ("scores", "losses", "examples_per_gflop")
    )
    guess = content.get("constant_guess")
    texts, recipe = [content.get(key, "") for key in ("fingerprint", "metric")], content.get("recipe")
    if (
        not all(isinstance(text, str) for text in texts)
        or not isinstance(recipe, dict | None)
        or not (guess is None or _is_number(guess))
    ):
        raise InputError(f"{where} is not whole: {name(cell)} has values of other types; write it anew with --update")
    return replace(
        cell,
        fingerprint=texts[0],
        metric=texts[1],
        recipe=recipe,
        constant_guess=guess,
        scores=scores,
        losses=losses,
        examples_per_gflop=speeds,
    )


def _numbers(value: Any, key: str, cell: GatedCell, where: str) -> tuple[float, ...]:
    """One finite number for each seed, or none at all."""
    if not isinstance(value, list | tuple) or not all(map(_is_number, value)):
        raise InputError(f"{where} is not whole: {key} of {name(cell)} is a list of numbers, not {value!r}")
    if value and len(value) != len(cell.seeds):
        raise InputError(
            f"{where} is not whole: {name(cell)} has {len(value)} {key} of {len(cell.seeds)} seeds; "
            "write it anew with --update --why TEXT"
        )
    return tuple(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def name(cell: GatedCell) -> str:
    """``bert on ner/gate``."""
    return f"{cell.request.model} on {cell.request.task}"


def renewed(baseline: Baseline, runs: Sequence[Sequence[Record | str]], gflops: float | None, why: str) -> Baseline:
    """The baseline with new runs in place of the old ones; nothing is written.

    Args:
        baseline: the old one, whose cells and seeds the runs are of.
        runs: of each cell, one a seed.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out of the baseline.
        why: the reason, kept in the file.

    Raises:
        InputError: a run failed.
    """
    cells = []
    environment: Mapping[str, Any] = {}
    for cell, each in zip(baseline.cells, runs, strict=True):
        records = [run for run in each if not isinstance(run, str)]
        if len(records) < len(each):
            failed = next(run for run in each if isinstance(run, str))
            raise InputError(f"no new baseline: {name(cell)} failed: {failed}")
        cells.append(_of_runs(cell, records, gflops))
        environment = records[0]["environment"]
    told = {
        "why": why,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "git_revision": environment["git_revision"],
        "environment": environment,
        "matmul_gflops": gflops,
    }
    return replace(baseline, cells=tuple(cells), told=told)


def _of_runs(cell: GatedCell, records: Sequence[Record], gflops: float | None) -> GatedCell:
    task = records[0]["task"]
    return replace(
        cell,
        fingerprint=task["fingerprint"],
        recipe=gated_recipe(records[0]),
        metric=task["metric"],
        scores=tuple(score_of(record) for record in records),
        constant_guess=task["constant_guess"],
        losses=tuple(loss for record in records if (loss := mean_loss(record)) is not None),
        examples_per_gflop=tuple(examples_per_s(record) / gflops for record in records) if gflops else (),
    )


def write_baseline(baseline: Baseline) -> None:
    """Write the file of a baseline in place of the old one, in one step.

    Raises:
        InputError: the file cannot be written.
    """
    measured = ("fingerprint", "recipe", "metric", "scores", "constant_guess", "losses", "examples_per_gflop")
    content = {
        "schema_version": SCHEMA_VERSION,
        **baseline.told,
        "rerun_seeds": baseline.rerun_seeds,
        "cells": [
            {"request": cell.written, "seeds": cell.seeds} | {key: getattr(cell, key) for key in measured}
            for cell in baseline.cells
        ],
    }
    beside = baseline.file.with_name(f".{baseline.file.name}.new")
    try:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(baseline.file)
    except OSError as error:
        raise _cannot_write(baseline.file, error) from error


def check_writable(file: Path) -> None:
    """Find out before the runs, not after, that a new baseline cannot be written.

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


def score_of(record: Record) -> float:
    """Test score by the main metric."""
    return float(record["scores"]["test"][record["task"]["metric"]])


def mean_loss(record: Record) -> float | None:
    """The training loss, averaged over its entries; ``None`` where nothing was trained."""
    return mean(loss for _, loss in record["losses"]) if record["losses"] else None


def examples_per_s(record: Record) -> float:
    """Examples trained on and predicted, over the seconds of both."""
    recipe, task, seconds = record["recipe"], record["task"], record["seconds"]
    examples = recipe["steps"] * recipe["effective_batch_size"] + task["n_dev"] + task["n_test"]
    return float(examples / (seconds["fit"] + seconds["predict"]))


def gated_recipe(record: Record) -> dict[str, Any]:
    """Every value of a run's recipe, without what happened."""
    return {key: value for key, value in record["recipe"].items() if key not in _UNGATED}
