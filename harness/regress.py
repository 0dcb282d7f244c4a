"""The gate: cells are run again and held against a committed baseline, their scores by its spread over seeds.

A baseline (``results/baselines/*.json``) names its cells, and holds their scores, fingerprints and recipes. It is written by
``python -m harness regress --baseline FILE --update --why TEXT``, from a file that may as yet name the cells alone:

    {"schema_version": 1, "rerun_seeds": [0, 1, 2],
     "cells": [{"request": {"model": "bert", "task": "ner/gate", "data_dir": "data", "recipe": {"precision": "fp32"}},
                "seeds": [0, 1, 2, 3, 4]}]}

Folders and plug-ins in it are relative to the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

from harness.errors import InputError
from harness.executor import Executor
from harness.pairing import differences
from harness.registry import suggestion
from harness.request import Request
from harness.store import RECORD, Record, read_record

SCHEMA_VERSION = 1
LEVEL = 0.99
"""One cell in a hundred that did not change falls below its tolerance by the luck of its seeds. With the baseline's own seeds
on the baseline's own machine there is no luck: a run repeats bit for bit, so what is left is the rounding of other processors."""
FLOOR = 0.02
"""The least tolerance, as a fraction: a cell that scores the same from every seed may still lose two answers in a hundred."""
SLOWER = 2.5
"""The most that throughput may fall. Encoders as small as the gate's are bound by overhead as much as by products, so the
ratio to the rate of products moves by up to 2 between processors, and the rest is for busy machines."""

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
        examples_per_gflop: examples trained on and predicted a second, over the machine's GFLOP/s; of each seed.
    """

    request: Request
    written: Mapping[str, Any]
    seeds: tuple[int, ...]
    fingerprint: str = ""
    recipe: Mapping[str, Any] | None = None
    metric: str = ""
    scores: tuple[float, ...] = ()
    examples_per_gflop: tuple[float, ...] = ()

    def requests(self, seeds: Sequence[int], plugins: Sequence[str] = ()) -> list[Request]:
        """The request of each seed, with plug-ins more."""
        from dataclasses import replace

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


@dataclass(frozen=True)
class Verdict:
    """What became of one cell.

    Attributes:
        cell: of the baseline.
        outcome: ``drop``, ``slow`` and ``failed`` fail the gate, ``better`` and ``ok`` do not.
        score: mean over the seeds that were run again; nan where one failed.
        tolerance: how far below the baseline's mean it may be, see `tolerance`.
        speed: throughput as a share of the baseline's, both over their machine's rate, best seeds; ``None`` if not measured.
        reason: why it failed.
    """

    cell: GatedCell
    outcome: Literal["ok", "better", "drop", "slow", "failed"]
    score: float
    tolerance: float
    speed: float | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the gate lets it through."""
        return self.outcome in ("ok", "better")


def read_baseline(file: str | Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: it is missing, not JSON, of another schema, or says what a baseline does not.
    """
    path = Path(file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"the baseline {file} cannot be read ({error.strerror}); --baseline takes a JSON file"
        ) from error
    except ValueError as error:
        raise InputError(f"the baseline {file} is not JSON ({error}); take it from version control again") from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        found = content.get("schema_version") if isinstance(content, dict) else None
        raise InputError(
            f"the baseline {file} has schema version {found}, not {SCHEMA_VERSION}; write it anew with --update --why TEXT"
        )
    try:
        cells = tuple(_cell(path, each) for each in content["cells"])
        rerun = tuple(int(seed) for seed in content["rerun_seeds"])
        told = {key: value for key, value in content.items() if key not in ("cells", "rerun_seeds", "schema_version")}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the baseline {file} is not whole ({type(error).__name__}: {error}); see harness/regress.py"
        ) from error
    if not cells or not rerun:
        raise InputError(
            f"the baseline {file} names no {'seeds' if cells else 'cells'} to run again; see harness/regress.py"
        )
    if short := [cell for cell in cells if len(set(cell.seeds)) < 2 or len(set(cell.seeds)) < len(cell.seeds)]:
        raise InputError(
            f"the baseline {file} needs two or more different seeds for {name(short[0])}; a spread is of several"
        )
    return Baseline(path, cells, rerun, told)


def _cell(file: Path, content: Mapping[str, Any]) -> GatedCell:
    written = content["request"]
    if unknown := sorted(set(written) - _REQUEST):
        raise InputError(f"the baseline {file} asks for {unknown[0]!r}{suggestion(unknown[0], _REQUEST)}")
    values = dict(written)
    if values.get("data_dir"):
        values["data_dir"] = str(file.parent / values["data_dir"])
    values["plugins"] = tuple(str(file.parent / plugin) for plugin in values.get("plugins", ()))
    cell = GatedCell(
        Request(**values), written, tuple(content["seeds"]), content.get("fingerprint", ""), content.get("recipe"),
        content.get("metric", ""), tuple(content.get("scores", ())), tuple(content.get("examples_per_gflop", ())),
    )  # fmt: skip
    if cell.scores and len(cell.scores) != len(cell.seeds):
        raise ValueError(f"{len(cell.scores)} scores of {len(cell.seeds)} seeds")
    return cell


def name(cell: GatedCell) -> str:
    """``bert on ner/gate``."""
    return f"{cell.request.model} on {cell.request.task}"


def run_again(
    baseline: Baseline,
    executor: Executor,
    plugins: Sequence[str] = (),
    all_seeds: bool = False,
    on_done: Callable[[int, int, str], None] = lambda done, total, cell: None,
) -> list[list[Record | str]]:
    """Run the cells of a baseline.

    Args:
        baseline: names them.
        executor: of a fresh store, so that nothing is taken for run that was not.
        plugins: files that register models or tasks, besides those of the baseline.
        all_seeds: of the baseline, as a new one needs; else those that the gate runs.
        on_done: called with the number of runs done, of all runs, and the cell's name.

    Returns:
        For each cell the record of each seed, in the order of the seeds, or one sentence where the run failed.
    """
    asked = [cell.requests(cell.seeds if all_seeds else baseline.rerun_seeds, plugins) for cell in baseline.cells]
    done: list[list[Record | str]] = [[""] * len(requests) for requests in asked]
    place = {id(request): (row, column) for row, each in enumerate(asked) for column, request in enumerate(each)}
    everything = [request for requests in asked for request in requests]
    for count, finished in enumerate(executor.run(everything), 1):
        row, column = place.get(id(finished.request)) or _place(asked, finished.request)
        record = read_record(finished.folder / RECORD) if finished.folder else None
        done[row][column] = record or finished.error or "it left no record"
        on_done(count, len(everything), name(baseline.cells[row]))
        if record and not all_seeds:
            refuse_other(baseline.cells[row], record)
    return done


def _place(asked: Sequence[Sequence[Request]], request: Request) -> tuple[int, int]:
    """Where an equal request stands: an executor on another machine gives back a copy."""
    return next((row, each.index(request)) for row, each in enumerate(asked) if request in each)


def refuse_other(cell: GatedCell, record: Record) -> None:
    """Make sure that a run is of the baseline's examples and recipe.

    Raises:
        InputError: it is not, or the baseline has no scores yet.
    """
    again = "write a new baseline with --update --why TEXT if that is meant"
    if not cell.scores or cell.recipe is None:
        raise InputError(f"the baseline has no scores of {name(cell)}; write them with --update --why TEXT")
    if (found := record["task"]["fingerprint"]) != cell.fingerprint:
        raise InputError(
            f"{name(cell)}: the examples are others than the baseline's (fingerprints {found[:12]} and "
            f"{cell.fingerprint[:12]}); {again}"
        )
    if (recipe := gated_recipe(record)) != cell.recipe:
        raise InputError(
            f"{name(cell)}: the recipe is not the baseline's ({differences(recipe, cell.recipe)} there); {again}"
        )
    if record["task"]["metric"] != cell.metric:
        raise InputError(f"{name(cell)}: scored by {record['task']['metric']}, the baseline by {cell.metric}; {again}")


def judge(cell: GatedCell, runs: Sequence[Record | str], gflops: float | None) -> Verdict:
    """Hold the runs of a cell against the baseline.

    Args:
        cell: of the baseline, with scores.
        runs: one a seed, or a sentence where one failed.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out.

    Raises:
        InputError: the runs are of other examples, or by another recipe.
    """
    allowed = tolerance(cell.scores, len(runs))
    records = [run for run in runs if not isinstance(run, str)]
    for record in records:
        refuse_other(cell, record)
    if len(records) < len(runs):
        reason = next(run for run in runs if isinstance(run, str))
        return Verdict(cell, "failed", math.nan, allowed, reason=reason)
    score = mean(_score(record) for record in records)
    speed = None
    if gflops and cell.examples_per_gflop:
        speed = max(examples_per_s(record) for record in records) / gflops / max(cell.examples_per_gflop)
    change = score - mean(cell.scores)
    if not change >= -allowed:
        return Verdict(cell, "drop", score, allowed, speed)
    if speed is not None and speed < 1 / SLOWER:
        return Verdict(cell, "slow", score, allowed, speed)
    return Verdict(cell, "better" if change > allowed else "ok", score, allowed, speed)


def tolerance(scores: Sequence[float], runs: int) -> float:
    """How far the mean of new runs may be below the mean of these scores: a one-sided prediction interval.

    t(0.99, n - 1) * s * sqrt(1 / n + 1 / m) for n scores of standard deviation s and m new runs, and at least `FLOOR`.
    """
    from scipy.stats import t

    n = len(scores)
    predicted = t.ppf(LEVEL, n - 1) * stdev(scores) * math.sqrt(1 / n + 1 / runs)
    return max(float(predicted), FLOOR)


def examples_per_s(record: Record) -> float:
    """Examples trained on and predicted, over the seconds of both."""
    recipe, task, seconds = record["recipe"], record["task"], record["seconds"]
    examples = recipe["steps"] * recipe["effective_batch_size"] + task["n_dev"] + task["n_test"]
    return float(examples / (seconds["fit"] + seconds["predict"]))


def gated_recipe(record: Record) -> dict[str, Any]:
    """Every value of a run's recipe, without what happened."""
    return {key: value for key, value in record["recipe"].items() if key not in _UNGATED}


def write_baseline(baseline: Baseline, runs: Sequence[Sequence[Record | str]], gflops: float | None, why: str) -> None:
    """Write a baseline from new runs in place of the old one, in one step.

    Args:
        baseline: the old one, whose cells and seeds the runs are of.
        runs: of each cell, one a seed.
        gflops: the rate of matrix products of this machine; ``None`` leaves throughput out of the baseline.
        why: the reason, kept in the file.

    Raises:
        InputError: a run failed, or the file cannot be written.
    """
    cells = []
    for cell, each in zip(baseline.cells, runs, strict=True):
        records = [run for run in each if not isinstance(run, str)]
        if len(records) < len(each):
            failed = next(run for run in each if isinstance(run, str))
            raise InputError(f"no new baseline: {name(cell)} failed: {failed}")
        cells.append(_as_written(cell, records, gflops))
    environment = runs[0][0]["environment"]  # type: ignore[index,call-overload]
    content = {
        "schema_version": SCHEMA_VERSION,
        "why": why,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "git_revision": environment["git_revision"],
        "environment": environment,
        "matmul_gflops": gflops,
        "rerun_seeds": list(baseline.rerun_seeds),
        "cells": cells,
    }
    beside = baseline.file.with_name(f".{baseline.file.name}.new")
    try:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(baseline.file)
    except OSError as error:
        raise InputError(f"the baseline {baseline.file} cannot be written ({error.strerror})") from error


def _as_written(cell: GatedCell, records: Sequence[Record], gflops: float | None) -> dict[str, Any]:
    return {
        "request": cell.written,
        "seeds": list(cell.seeds),
        "fingerprint": records[0]["task"]["fingerprint"],
        "recipe": gated_recipe(records[0]),
        "metric": records[0]["task"]["metric"],
        "scores": [_score(record) for record in records],
        "examples_per_gflop": [examples_per_s(record) / gflops for record in records] if gflops else [],
    }


def _score(record: Record) -> float:
    return float(record["scores"]["test"][record["task"]["metric"]])
