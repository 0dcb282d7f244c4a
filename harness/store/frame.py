"""Records as pandas DataFrames.

Every kind of record has one function here. Whole numbers are ``int64``, or ``Int64`` where some are missing; scores,
times and rates are ``float64`` with NaN where they are missing; names are ``str``. Keys that a record lacks are missing in
its row, so records of older versions and records that people wrote are read too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import pandas as pd

from harness.store.record import (
    FailureRecord,
    ImportedRecord,
    PointRecord,
    PretrainingRecord,
    RunRecord,
    by_test_set,
    is_finished_run,
)
from harness.store.store import Store

if TYPE_CHECKING:
    from pandas._typing import Dtype

Kind = Literal["run", "failure", "bench", "imported", "pretraining"]

Row = Mapping[str, object]
"""A part of a row: column -> value."""

SPLITS = ("train", "dev", "test")
_RATES = ("learning_rate", "epochs", "warmup_ratio", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon")
_RECIPE = (*_RATES, "max_grad_norm", "max_steps", "batch_size", "max_length", "precision", "train_limit", "protocol")
_FIRST_PROTOCOL = 1
"""Runs of the first protocol do not have the key."""
_RUN_COLUMNS = ("key", "model", "size", "weights", "task", "dataset", "fingerprint", "seed", "split", "metric", "score")


def runs(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per run and split, dev before test, and one per test set of a run, by dataset, model, size, weights, learning
    rate and seed.

    Columns, in this order:

    - what was run: ``key``, ``model``, ``size``, ``weights``, ``revision``, ``task``, ``dataset``, ``trained_on`` (only if a run
      has test sets: the dataset of the training if it is another one), ``fingerprint``, ``option_NAME`` for task options,
      ``seed``, ``split``;
    - ``metric``, the name of the main metric, and ``score``, its value;
    - the recipe: ``learning_rate``, ``epochs``, ``max_steps``, ``batch_size`` and so on;
    - every metric under its full name, as a fraction; one with the name of another column ends in ``_score``;
    - ``params_total``, ``params_non_embedding``, ``n_train`` and other counts, ``overlap_SPLIT``, ``tuned_NAME``;
    - the cost: ``seconds_load``, ``seconds_fit`` and so on, ``peak_memory_mib``;
    - the machine: ``cpu``, ``gpu``, ``threads``, ``processes``, ``git_revision``; and the ``command`` that repeats the run.
    """
    rows = [row for record in records for one in _by_test_set(record) for row in _run_rows(one)]
    rows.sort(key=lambda row: _order(row[0], row[1]))
    return _frame(rows, (*_RUN_COLUMNS, *_RECIPE))


def failures(records: Iterable[FailureRecord]) -> pd.DataFrame:
    """One row per cell that ended without a score: what was run, ``status``, ``error``, the recipe and the ``command``."""
    rows = []
    for record in records:
        what = {**_what(record), **_texts(record, "status", "error")}
        rows.append((what, _recipe(record), _machine(record), _texts(record, "command")))
    rows.sort(key=lambda row: _order(row[0], row[1]))
    return _frame(rows, ("key", "model", "size", "weights", "task", "dataset", "seed", "status", "error", *_RECIPE))


def points(records: Iterable[PointRecord]) -> pd.DataFrame:
    """One row per point of a bench, measured or not, by model and length.

    Columns are those of the bench's CSV file without ratios: the settings, ``status`` and ``reason``,
    ``latency_ms_median``, ``_p10`` and ``_p90`` of one batch, ``tokens_per_s_median``, ``_p10`` and ``_p90``, memory in
    MiB, ``flops_needed`` and ``flops_executed`` of one batch, ``fraction_of_peak``, ``joules_per_call_COUNTER``.
    """
    rows = [_point_row(record) for record in records]
    rows.sort(key=lambda row: (str(row[0]["model"]), str(row[0]["mode"]), _number(row[0]["length"]) or 0.0))
    return _frame(rows, ("key", "model", "size", "mode", "length", "batch_size", "status", "reason"))


def imported(records: Iterable[ImportedRecord]) -> pd.DataFrame:
    """One row per imported record and split, by dataset and model; metrics as columns. Not comparable with our runs."""
    rows = []
    for record in records:
        model, task, source = _part(record, "model"), _part(record, "task"), _part(record, "source")
        languages = task.get("languages")
        what = {
            **_texts(record, "key", "protocol"),
            "model": _text(model.get("name")),
            **_texts(model, "weights", "revision"),
            "task": _text(task.get("name")),
            **_texts(task, "dataset", "subset"),
            "languages": ",".join(map(str, languages)) if isinstance(languages, list) else None,
        }
        about = {
            **{name: _plain(value) for name, value in _part(record, "recipe").items()},
            "source_file": _text(source.get("file")),
            "source_version": _text(source.get("version")),
        }
        rows += [({**what, **head}, metrics, about) for head, metrics in _scores(record, {*what, *about})]
    rows.sort(key=lambda row: (str(row[0]["dataset"]), str(row[0]["model"]), str(row[0]["subset"])))
    return _frame(rows, ("key", "protocol", "model", "task", "dataset", "subset", "split", "metric", "score"))


def pretraining(records: Iterable[PretrainingRecord]) -> pd.DataFrame:
    """One row per pretrained encoder, by corpus, model and seed.

    ``loss`` (nats per masked token), ``accuracy`` and ``bits_per_byte`` are those of the held-out text;
    ``unigram_loss`` and ``bigram_loss`` are those of counting baselines on the same masks.
    """
    rows = []
    for record in records:
        baselines = _part(record, "baselines")
        heldout = _part(_part(record, "scores"), "heldout")
        outcome = {
            **_numbers(heldout),
            **{f"{name}_loss": _number(_part(baselines, name).get("loss")) for name in baselines},
            **_plain_values(record, "on_plateau", "tokens_to_5_nats", "flops"),
            **_numbers(_part(record, "throughput")),
        }
        recipe = {name: value for name, value in _flat(_part(record, "recipe")).items() if name not in outcome}
        rows.append((_what(record), outcome, recipe, _size(record), _cost(record), _machine(record)))
    rows.sort(key=lambda row: _order(row[0], row[2]))
    return _frame(rows, ("key", "model", "size", "weights", "task", "dataset", "fingerprint", "seed", "loss"))


def predictions(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """One row per example of dev and test, in the order of the file, with the columns that the task writes.

    Args:
        rows: see `harness.store.Store.predictions`.
    """
    return _frame([(row,) for row in rows], ("split", "id", "gold", "predicted"))


FRAMES: Mapping[Kind, Callable[..., pd.DataFrame]] = {
    "run": runs,
    "failure": failures,
    "bench": points,
    "imported": imported,
    "pretraining": pretraining,
}


def of_kind(kind: Kind, store: Store, on_problem: Callable[[str], None]) -> pd.DataFrame:
    """All records of one kind in a store.

    Args:
        kind: a key of `FRAMES`.
        store: where they are.
        on_problem: called with one sentence about every file of any kind that is not a complete record.
    """
    return FRAMES[kind](
        record for record in store.records(kind, on_problem) if kind != "run" or is_finished_run(record)
    )


def _by_test_set(record: RunRecord) -> list[RunRecord]:
    """See `by_test_set`; a record that people wrote may have test sets without their scores, which are left out."""
    try:
        return by_test_set(record)
    except (AttributeError, KeyError, TypeError):
        return [record]


def _run_rows(record: RunRecord) -> Iterator[tuple[Row, ...]]:
    what, recipe = _what(record), _recipe(record)
    rest = {
        **_size(record),
        **{name: _count(value) for name, value in _part(record, "task").items() if name.startswith("n_")},
        **_numbers(_part(_part(record, "task"), "overlap"), "overlap_"),
        **_numbers(_part(record, "tuned"), "tuned_"),
        **_cost(record),
        **_machine(record),
        **_texts(record, "command"),
    }
    for head, metrics in _scores(record, {*what, *recipe, *rest}):
        yield {**what, **head}, recipe, metrics, rest


def _scores(record: RunRecord | ImportedRecord, taken: set[str]) -> Iterator[tuple[Row, Row]]:
    """For every split that has scores: its name with the main metric, and all metrics under names that are not taken."""
    main, scores = _text(_part(record, "task").get("metric")), _part(record, "scores")
    taken = {*taken, "split", "metric", "score"}
    here = ["test"] if "trained_on" in record else scores  # the dev scores are those of the training data
    for split in sorted(here, key=lambda name: (SPLITS.index(name) if name in SPLITS else len(SPLITS), name)):
        if metrics := _numbers(_part(scores, split)):
            named = {f"{name}_score" if name in taken else name: value for name, value in metrics.items()}
            yield {"split": split, "metric": main, "score": metrics.get(str(main))}, named


def _point_row(record: PointRecord) -> tuple[Row, ...]:
    point, model, flops = _part(record, "point"), _part(record, "model"), _part(record, "flops")
    latency, memory = _part(record, "latency_ms"), _part(record, "memory")
    samples = latency.get("samples")
    what = {
        **_texts(record, "key"),
        **_plain_values(point, "model", "size", "mode", "length", "batch_size", "tokens", "batching", "precision"),
        "attention": _text(point.get("attention_used")) or _text(point.get("attention")),
        "engine": "compile" if point.get("compiled") else _text(point.get("engine")) or "torch",
        "quantize": _text(point.get("quantize")) or "none",
        **_plain_values(point, "compiled", "threads"),
        "positions_extended": _plain(point.get("extended")),
        "status": _text(record.get("status")),
        "reason": _text(record.get("error")),
        "repetitions": len(samples) if isinstance(samples, list) else 0,
    }
    measured = {
        **_numbers(latency, "latency_ms_"),
        **_numbers(_part(record, "tokens_per_s"), "tokens_per_s_"),
        "peak_memory_above_loaded_mib": _number(memory.get("peak_above_loaded_mib")),
        "loaded_mib": _number(memory.get("loaded_mib")),
        "weights_mib": _number(model.get("weights_mib")),
        "disk_mib": _number(model.get("disk_mib")),
        **{f"flops_{name}": _count(flops.get(name)) for name in ("needed", "executed")},
        "fraction_of_peak": _number(record.get("fraction_of_peak")),
        **_numbers(_part(record, "joules_per_call"), "joules_per_call_"),
        "processor_taken_by_others": _number(record.get("processor_taken_by_others")),
    }
    where = {"machine": _text(point.get("machine")), **_machine(record)}
    return what, measured, _size(record), _cost(record), {name: where[name] for name in where if name not in what}


def _what(record: RunRecord | FailureRecord | PretrainingRecord) -> dict[str, object]:
    """The columns that identify a run."""
    model, task = _part(record, "model"), _part(record, "task")
    return {
        **_texts(record, "key"),
        "model": _text(model.get("name")),
        **(_texts(model, "architecture") if "architecture" in model else {}),
        **_texts(model, "size", "weights", "revision"),
        "task": _text(task.get("name")),
        **_texts(task, "dataset"),
        **({"trained_on": _text(_part(record, "trained_on").get("dataset"))} if "trained_on" in record else {}),
        **_texts(task, "fingerprint"),
        **{f"option_{name}": _text(value) for name, value in _part(task, "options").items()},
        "seed": _count(record.get("seed")),
    }


def _recipe(record: RunRecord | FailureRecord) -> dict[str, object]:
    recipe = {"protocol": _FIRST_PROTOCOL, **_part(record, "recipe")}
    rates = {name: _number(recipe.get(name)) for name in (*_RATES, "max_grad_norm")}
    return {
        name: rates[name] if name in rates else _plain(recipe.get(name)) for name in dict.fromkeys([*_RECIPE, *recipe])
    }


def _size(record: RunRecord | PointRecord | PretrainingRecord) -> dict[str, object]:
    return {name: _count(_part(record, "model").get(name)) for name in ("params_total", "params_non_embedding")}


def _cost(record: Mapping[str, object]) -> dict[str, float]:
    peak = _number(record.get("peak_memory_mib"))
    return _numbers(_part(record, "seconds"), "seconds_") | ({} if peak is None else {"peak_memory_mib": peak})


def _machine(record: RunRecord | FailureRecord | PointRecord | PretrainingRecord) -> dict[str, object]:
    environment = _part(record, "environment")
    names = _texts(environment, "cpu", "gpu", "git_revision")
    return {**names, **{name: _count(environment.get(name)) for name in ("threads", "processes")}}


def _order(what: Row, recipe: Row) -> tuple[object, ...]:
    names = (str(what.get(name) or "") for name in ("dataset", "fingerprint", "model", "size", "weights"))
    return (*names, _number(recipe.get("learning_rate")) or 0.0, _number(what.get("seed")) or 0.0)


def _frame(rows: Sequence[Sequence[Row]], first: Iterable[str]) -> pd.DataFrame:
    """Rows as a DataFrame.

    Args:
        rows: each in parts, as many as all others. The columns of the first part of all rows come first, and so on.
        first: columns that are there even without rows.
    """
    columns = dict.fromkeys(name for parts in zip(*rows, strict=True) for part in parts for name in part)
    merged = [{name: value for part in row for name, value in part.items()} for row in rows]
    values = {name: [row.get(name) for row in merged] for name in columns or dict.fromkeys(first)}
    table = pd.DataFrame(dict(enumerate(map(_column, values.values()))))
    table.columns = pd.Index(_column(list(values)))
    return table


def _column(values: Sequence[object]) -> pd.Series:
    """Values as a column in which whole numbers and truth values stay what they are if some are missing."""
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    dtype: Dtype | None = "object"
    if values and not present:
        dtype = "float64"
    elif len(present) < len(values) and kinds in ({int}, {bool}):
        dtype = "Int64" if kinds == {int} else "boolean"
    elif kinds in ({int}, {float}, {bool}) or (kinds == {str} and all(map(_is_unicode, present))):
        dtype = None
    return pd.Series(values, dtype=dtype)


def _is_unicode(text: object) -> bool:
    """Whether pandas' ``str`` holds it, which takes no half of a surrogate pair."""
    try:
        str(text).encode()
    except UnicodeEncodeError:
        return False
    return True


def _part(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _texts(part: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: _text(part.get(name)) for name in names}


def _numbers(part: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    """Those values that are numbers."""
    return {prefix + name: number for name, value in part.items() if (number := _number(value)) is not None}


def _plain_values(part: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: _plain(part.get(name)) for name in names}


def _flat(part: Mapping[str, object]) -> dict[str, object]:
    """Values as they are, and pairs of numbers as text."""
    return {
        name: "-".join(map(str, value)) if isinstance(value, list | tuple) else _plain(value)
        for name, value in part.items()
    }


def _plain(value: object) -> object:
    """A text, number or truth value as it is; anything else as text."""
    whole = _count(value) is not None
    return value if value is None or whole or isinstance(value, str | bool | float) else str(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> float | None:
    number = value if isinstance(value, float) else _count(value)
    return None if number is None else float(number)


def _count(value: object) -> int | None:
    """A whole number that an ``int64`` holds."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
