"""A baseline of the gate: the cells that it names, their scores and losses over seeds, and the file that holds them.

A baseline (``results/baselines/*.json``) names its cells, and holds their scores, fingerprints and recipes. It is written by
``python -m harness regress --baseline FILE --update --why TEXT``, from a file that may as yet name the cells alone:

    {"schema_version": 1, "rerun_seeds": [0, 1, 2],
     "cells": [{"request": {"model": "bert", "task": "ner/gate", "data_dir": "data", "recipe": {"precision": "fp32"}},
                "seeds": [0, 1, 2, 3, 4]}]}

Folders and plug-ins in it are relative to the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from harness.cells.request import Request
from harness.errors import InputError
from harness.registry import suggestion
from harness.store import Record

SCHEMA_VERSION = 1
_REQUEST = {
    "model",
    "task",
    "weights",
    "size",
    "data_dir",
    "recipe",
    "task_options",
    "skip_bad",
    "strict_tags",
    "plugins",
}
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
            f"the baseline {file} is not whole ({type(error).__name__}: {error}); see harness/gate/baseline.py"
        ) from error
    if not cells or not rerun:
        raise InputError(
            f"the baseline {file} names no {'seeds' if cells else 'cells'} to run again; see harness/gate/baseline.py"
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
        content.get("metric", ""), tuple(content.get("scores", ())),
        tuple(content.get("losses", ())), tuple(content.get("examples_per_gflop", ())),
    )  # fmt: skip
    if cell.scores and len(cell.scores) != len(cell.seeds):
        raise ValueError(f"{len(cell.scores)} scores of {len(cell.seeds)} seeds")
    return cell


def name(cell: GatedCell) -> str:
    """``bert on ner/gate``."""
    return f"{cell.request.model} on {cell.request.task}"


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
    environment: Mapping[str, Any] = {}
    for cell, each in zip(baseline.cells, runs, strict=True):
        records = [run for run in each if not isinstance(run, str)]
        if len(records) < len(each):
            failed = next(run for run in each if isinstance(run, str))
            raise InputError(f"no new baseline: {name(cell)} failed: {failed}")
        cells.append(_as_written(cell, records, gflops))
        environment = records[0]["environment"]
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
        "scores": [score_of(record) for record in records],
        "losses": [loss for record in records if (loss := mean_loss(record)) is not None],
        "examples_per_gflop": [examples_per_s(record) / gflops for record in records] if gflops else [],
    }


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
