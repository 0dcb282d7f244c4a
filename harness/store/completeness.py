"""What a record must hold, so that readers need not ask: every key that they rely on, with a value of its type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_Table = Mapping[str, Any]
_NEWER = ("constant_guess", "lowest")
"""Numbers of a dataset that records of older versions lack."""


class IncompleteError(Exception):
    """A record lacks something; the message completes a sentence that begins with its file."""


def check_complete(record: _Table) -> None:
    """Check a record of any kind.

    Keys that records of older versions lack are not asked for.

    Raises:
        IncompleteError: a key is missing, or its value is of another type.
    """
    kind = record.get("kind", "run")
    if not isinstance(kind, str) or kind not in _CHECKS:
        raise IncompleteError(f"is of an unknown kind, {kind!r}")
    _texts(record, "the record", "key", "status")
    _CHECKS[kind](record)


def _check_cell(record: _Table) -> None:
    """Check a finished run, or a cell that ended without a score."""
    model, task = _table(record, "model"), _table(record, "task")
    _texts(model, "model", "name", "size", "weights")
    _texts(task, "task", "dataset")
    if record["status"] == "ok":
        _check_finished(record, model, task)


def _check_failure(record: _Table) -> None:
    _check_cell(record)
    _keys(record, "error", "command")


def _check_finished(record: _Table, model: _Table, task: _Table) -> None:
    _texts(model, "model", "identity")
    _numbers(model, "model", "params_total", "params_non_embedding")
    if "pretraining" in model:
        origin = _table(model, "pretraining")
        _texts(origin, "model.pretraining", "group")
        _numbers(origin, "model.pretraining", "seed", "tokens")
    if "trained_on" in record:
        _texts(_table(record, "trained_on"), "trained_on", "dataset", "fingerprint", "metric")
    recipe = _table(record, "recipe")
    if recipe.get("trained") != "elsewhere":
        _numbers(recipe, "recipe", "learning_rate")
    _numbers(record, "", "seed", "peak_memory_mib")
    seconds = _table(record, "seconds")
    _numbers(seconds, "seconds", *seconds)
    for name in ("environment", "tuned"):
        _table(record, name)
    scores = _table(record, "scores")
    _check_task(task, "task", _table(scores, "test"), "scores.test")
    if dev := _table(scores, "dev"):  # empty where nothing was trained and the dataset has no dev split
        _numbers(dev, "scores.dev", task["metric"])
    tests = _tables(record, "tests", "has tests that are not a list of test sets")
    for place, test in enumerate(tests, start=1):
        of_test = f"of test set {place}"
        _check_task(_table(test, "task"), f"task {of_test}", _table(test, "scores"), f"scores {of_test}")


def _check_task(task: _Table, name: str, scores: _Table, name_of_scores: str) -> None:
    """Check a dataset of a finished run, and that its main metric has a score."""
    _texts(task, name, "name", "dataset", "fingerprint", "metric", "origin")
    _numbers(task, name, "n_train", "n_dev", "n_test", "n_skipped", *(key for key in _NEWER if key in task))
    _table(task, "options")
    _numbers(scores, name_of_scores, task["metric"])


def _check_point(record: _Table) -> None:
    _texts(_table(record, "model"), "model", "size")
    point = _table(record, "point")
    _texts(point, "point", "model", "size", "mode", "precision", "attention", "batching", "machine")
    _numbers(point, "point", "length", "batch_size", "threads", "vocabulary")
    _keys(point, "compiled", "extended", "attention_used", "ids", "objective")
    _numbers(_table(record, "limits"), "limits", "timeout_s", "memory_mib", "min_repetitions", "min_seconds")
    for name in ("environment", "joules_per_call"):
        _table(record, name)
    _keys(record, "error", "memory", "flops", "fraction_of_peak", "latency_ms", "tokens_per_s")
    if record["flops"] is not None:
        _numbers(_table(record, "flops"), "flops", "needed", "executed")
    if record["status"] == "ok":
        for name in ("latency_ms", "tokens_per_s"):
            _numbers(_table(record, name), name, "median", "p10", "p90")
        _keys(record["latency_ms"], "samples")


def _check_pretraining(record: _Table) -> None:
    _texts(_table(record, "model"), "model", "name", "size")
    _texts(_table(record, "task"), "task", "dataset", "fingerprint")
    recipe = _table(record, "recipe")
    _numbers(recipe, "recipe", "tokens", "learning_rate", "eval_tokens")
    _keys(recipe, "rows")
    _numbers(_table(_table(record, "scores"), "heldout"), "scores.heldout", "loss", "bits_per_byte", "accuracy")
    for name in ("unigram", "bigram"):
        _numbers(_table(_table(record, "baselines"), name), f"baselines.{name}", "loss")
    _numbers(_table(record, "seconds"), "seconds", "train")
    _numbers(record, "", "flops", "seed")
    _keys(_table(record, "throughput"), "tokens_per_s", "mfu")
    _keys(record, "tokens_to_5_nats", "on_plateau")
    _table(record, "environment")
    curve = _tables(record, "curve", "has no curve")
    if not curve:
        raise IncompleteError("has no curve")
    for point in curve:
        _numbers(point, "curve", "tokens", "loss", "seconds", "flops")


def _check_imported(record: _Table) -> None:
    _texts(record, "the record", "protocol")
    _texts(_table(record, "model"), "model", "name")
    _texts(_table(record, "task"), "task", "dataset")
    for name in ("scores", "source"):
        _table(record, name)


_CHECKS = {
    "run": _check_cell,
    "failure": _check_failure,
    "bench": _check_point,
    "pretraining": _check_pretraining,
    "imported": _check_imported,
}


def _table(parent: _Table, name: str) -> _Table:
    """A nested table."""
    found = parent.get(name)
    if not isinstance(found, dict):
        raise IncompleteError(f"has no {name}")
    return found


def _tables(parent: _Table, name: str, otherwise: str) -> list[_Table]:
    """A list of nested tables; empty if there is none."""
    found = parent.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise IncompleteError(otherwise)
    return found


def _texts(parent: _Table, where: str, *names: str) -> None:
    for name in names:
        if not isinstance(parent.get(name), str):
            raise IncompleteError(f"has no {name} in {where}")


def _numbers(parent: _Table, where: str, *names: str) -> None:
    for name in names:
        value = parent.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise IncompleteError(f"has no number at {f'{where}.{name}' if where else name}")


def _keys(parent: _Table, *names: str) -> None:
    """Keys whose values may be null."""
    for name in names:
        if name not in parent:
            raise IncompleteError(f"has no {name}")
