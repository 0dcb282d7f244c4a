"""Read a whole store in one pass: finished and failed runs, points of a bench, imported results, and unreadable records.

Reports are published, so records come without paths of the machine (see `harness.exchange.published`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from harness.exchange.published import published
from harness.store import Store
from harness.store.record import (
    FailureRecord,
    ImportedRecord,
    PointRecord,
    PretrainingRecord,
    Record,
    RunRecord,
    is_finished_run,
)
from harness.store.record_file import DamagedError, read_sealed


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read.

    Attributes:
        folder: its name in the store.
        reason: why it cannot be read, in words.
    """

    folder: str
    reason: str


@dataclass
class Reading:
    """The content of a store.

    Attributes:
        runs: finished runs with all that a comparison needs.
        failed: cells that ended without a score, whatever their status.
        bench: points of a bench.
        imported: imported results, which are never compared with runs.
        pretraining: finished pretrainings.
        broken: records that are there and cannot be read.
    """

    runs: list[RunRecord] = field(default_factory=list)
    failed: list[FailureRecord] = field(default_factory=list)
    bench: list[PointRecord] = field(default_factory=list)
    imported: list[ImportedRecord] = field(default_factory=list)
    pretraining: list[PretrainingRecord] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether a record could be read."""
        return bool(self.runs or self.failed or self.bench or self.imported or self.pretraining)

    def add(self, record: Record) -> None:
        """Take in one whole record."""
        kind = record.get("kind", "run")
        if kind == "bench":
            self.bench.append(cast(PointRecord, record))
        elif kind == "imported":
            self.imported.append(cast(ImportedRecord, record))
        elif kind == "pretraining":
            self.pretraining.append(cast(PretrainingRecord, record))
        elif is_finished_run(record):
            self.runs.append(record)
        else:
            self.failed.append(cast(FailureRecord, record))


def read(folder: Path) -> Reading:
    """Read every record of a store once; each lands in exactly one list. A missing folder is an empty store."""
    reading = Reading()
    for file in Store(folder).files():
        record, reason = _parsed(file)
        if record is None:
            reading.broken.append(Broken(file.parent.name, reason))
            continue
        reading.add(record)
    return reading


def _parsed(file: Path) -> tuple[Record | None, str]:
    """The record, or ``None`` and why."""
    try:
        record = read_sealed(file).record
        _CHECKS[record.get("kind", "run")](record)
    except (DamagedError, _LackError) as error:
        return None, str(error)
    return published(record), ""


class _LackError(Exception):
    """A record lacks something."""


def _check_run(record: Record) -> None:
    model, task = _mapping(record, "model"), _mapping(record, "task")
    _texts(model, "model", "name", "size", "weights")
    _texts(task, "task", "dataset")
    _texts(record, "the record", "key", "status")
    if record["status"] != "ok":
        return
    _texts(model, "model", "identity")
    _texts(task, "task", "fingerprint", "metric")
    for name in ("params_total", "params_non_embedding"):
        _number(model, name, f"model.{name}")
    _mapping(task, "options")
    recipe = _mapping(record, "recipe")
    if recipe.get("trained") != "elsewhere":
        _number(recipe, "learning_rate", "recipe.learning_rate")
    _number(record, "seed", "seed")
    seconds = _mapping(record, "seconds")
    for name in seconds:
        _number(seconds, name, f"seconds.{name}")
    scores = _mapping(record, "scores")
    _number(_mapping(scores, "test"), task["metric"], f"scores.test.{task['metric']}")
    for place, test in enumerate(_tests(record)):
        its = _mapping(test, "task")
        _texts(its, f"task of test set {place + 1}", "dataset", "fingerprint", "metric")
        _mapping(its, "options")
        _number(_mapping(test, "scores"), its["metric"], f"the score of {its['dataset']}")
    if dev := _mapping(scores, "dev"):  # empty where nothing was trained and the dataset has no dev split
        _number(dev, task["metric"], f"scores.dev.{task['metric']}")


def _check_bench(record: Record) -> None:
    _texts(record, "the record", "key", "status")
    point = _mapping(record, "point")
    _texts(point, "point", "model", "size", "mode", "precision", "attention", "batching", "machine")
    _number(point, "length", "point.length")
    if record["status"] == "ok":
        for name in ("latency_ms", "tokens_per_s"):
            quantiles = _mapping(record, name)
            for quantile in ("median", "p10", "p90"):
                _number(quantiles, quantile, f"{name}.{quantile}")


def _check_imported(record: Record) -> None:
    _texts(_mapping(record, "model"), "model", "name")
    _texts(_mapping(record, "task"), "task", "dataset")
    _mapping(record, "scores")


def _check_pretraining(record: Record) -> None:
    _texts(_mapping(record, "model"), "model", "name", "size")
    _texts(_mapping(record, "task"), "task", "dataset", "fingerprint")
    for name in ("tokens", "learning_rate", "eval_tokens"):
        _number(_mapping(record, "recipe"), name, f"recipe.{name}")
    for name in ("loss", "bits_per_byte", "accuracy"):
        _number(_mapping(_mapping(record, "scores"), "heldout"), name, f"scores.heldout.{name}")
    for name in ("unigram", "bigram"):
        _number(_mapping(_mapping(record, "baselines"), name), "loss", f"baselines.{name}.loss")
    _number(_mapping(record, "seconds"), "train", "seconds.train")
    _number(record, "flops", "flops")
    _mapping(record, "throughput")
    if not cast(PretrainingRecord, record)["curve"]:
        raise _LackError("has no curve")


_CHECKS = {
    "run": _check_run,
    "failure": _check_run,
    "bench": _check_bench,
    "pretraining": _check_pretraining,
    "imported": _check_imported,
}


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(parent.get(name), dict):
        raise _LackError(f"has no {name}")
    return parent[name]


def _tests(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The test sets of a run."""
    found = record.get("tests", [])
    if not isinstance(found, list) or not all(isinstance(test, dict) for test in found):
        raise _LackError("has tests that are not a list of test sets")
    return found


def _texts(parent: Mapping[str, Any], where: str, *names: str) -> None:
    for name in names:
        if not isinstance(parent.get(name), str):
            raise _LackError(f"has no {name} in {where}")


def _number(parent: Mapping[str, Any], name: str, where: str) -> None:
    value = parent.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _LackError(f"has no number at {where}")
