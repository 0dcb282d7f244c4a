"""Records as pandas DataFrames.

Every kind of record has one function here. Whole numbers are ``int64``, or ``Int64`` where some are missing; scores,
times and rates are ``float64`` with NaN where they are missing; names are ``str``. Keys that a record lacks are missing in
its row, so records of older versions and records that people wrote are read too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import pandas as pd

from harness.store.columns import (
    Row,
    flattened,
    number_of,
    numbers_of,
    part_of,
    plain_of,
    plain_values,
    table_of,
    text_of,
    texts_of,
    whole_of,
)
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

Kind = Literal["run", "failure", "bench", "imported", "pretraining"]

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
    return table_of(rows, (*_RUN_COLUMNS, *_RECIPE))


def failures(records: Iterable[FailureRecord]) -> pd.DataFrame:
    """One row per cell that ended without a score: what was run, ``status``, ``error``, the recipe and the ``command``."""
    rows = []
    for record in records:
        what = {**_what(record), **texts_of(record, "status", "error")}
        rows.append((what, _recipe(record), _machine(record), texts_of(record, "command")))
    rows.sort(key=lambda row: _order(row[0], row[1]))
    return table_of(rows, ("key", "model", "size", "weights", "task", "dataset", "seed", "status", "error", *_RECIPE))


def points(records: Iterable[PointRecord]) -> pd.DataFrame:
    """One row per point of a bench, measured or not, by model and length.

    Columns are those of the bench's CSV file without ratios: the settings, ``status`` and ``reason``,
    ``latency_ms_median``, ``_p10`` and ``_p90`` of one batch, ``tokens_per_s_median``, ``_p10`` and ``_p90``, memory in
    MiB, ``flops_needed`` and ``flops_executed`` of one batch, ``fraction_of_peak``, ``joules_per_call_COUNTER``.
    """
    rows = [_point_row(record) for record in records]
    rows.sort(key=lambda row: (str(row[0]["model"]), str(row[0]["mode"]), number_of(row[0]["length"]) or 0.0))
    return table_of(rows, ("key", "model", "size", "mode", "length", "batch_size", "status", "reason"))


def imported(records: Iterable[ImportedRecord]) -> pd.DataFrame:
    """One row per imported record and split, by dataset and model; metrics as columns. Not comparable with our runs."""
    rows = []
    for record in records:
        model, task, source = part_of(record, "model"), part_of(record, "task"), part_of(record, "source")
        languages = task.get("languages")
        what = {
            **texts_of(record, "key", "protocol"),
            "model": text_of(model.get("name")),
            **texts_of(model, "weights", "revision"),
            "task": text_of(task.get("name")),
            **texts_of(task, "dataset", "subset"),
            "languages": ",".join(map(str, languages)) if isinstance(languages, list) else None,
        }
        about = {
            **{name: plain_of(value) for name, value in part_of(record, "recipe").items()},
            "source_file": text_of(source.get("file")),
            "source_version": text_of(source.get("version")),
        }
        rows += [({**what, **head}, metrics, about) for head, metrics in _scores(record, {*what, *about})]
    rows.sort(key=lambda row: (str(row[0]["dataset"]), str(row[0]["model"]), str(row[0]["subset"])))
    return table_of(rows, ("key", "protocol", "model", "task", "dataset", "subset", "split", "metric", "score"))


def pretraining(records: Iterable[PretrainingRecord]) -> pd.DataFrame:
    """One row per pretrained encoder, by corpus, model and seed.

    ``loss`` (nats per masked token), ``accuracy`` and ``bits_per_byte`` are those of the held-out text;
    ``unigram_loss`` and ``bigram_loss`` are those of counting baselines on the same masks.
    """
    rows = []
    for record in records:
        baselines = part_of(record, "baselines")
        heldout = part_of(part_of(record, "scores"), "heldout")
        outcome = {
            **numbers_of(heldout),
            **{f"{name}_loss": number_of(part_of(baselines, name).get("loss")) for name in baselines},
            **plain_values(record, "on_plateau", "tokens_to_5_nats", "flops"),
            **numbers_of(part_of(record, "throughput")),
        }
        recipe = {name: value for name, value in flattened(part_of(record, "recipe")).items() if name not in outcome}
        rows.append((_what(record), outcome, recipe, _size(record), _cost(record), _machine(record)))
    rows.sort(key=lambda row: _order(row[0], row[2]))
    return table_of(rows, ("key", "model", "size", "weights", "task", "dataset", "fingerprint", "seed", "loss"))


def predictions(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """One row per example of dev and test, in the order of the file, with the columns that the task writes.

    Args:
        rows: see `harness.store.Store.predictions`.
    """
    return table_of([(row,) for row in rows], ("split", "id", "gold", "predicted"))


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
        **{name: whole_of(value) for name, value in part_of(record, "task").items() if name.startswith("n_")},
        **numbers_of(part_of(part_of(record, "task"), "overlap"), "overlap_"),
        **numbers_of(part_of(record, "tuned"), "tuned_"),
        **_cost(record),
        **_machine(record),
        **texts_of(record, "command"),
    }
    for head, metrics in _scores(record, {*what, *recipe, *rest}):
        yield {**what, **head}, recipe, metrics, rest


def _scores(record: RunRecord | ImportedRecord, taken: set[str]) -> Iterator[tuple[Row, Row]]:
    """For every split that has scores: its name with the main metric, and all metrics under names that are not taken."""
    main, scores = text_of(part_of(record, "task").get("metric")), part_of(record, "scores")
    taken = {*taken, "split", "metric", "score"}
    here = ["test"] if "trained_on" in record else scores  # the dev scores are those of the training data
    for split in sorted(here, key=lambda name: (SPLITS.index(name) if name in SPLITS else len(SPLITS), name)):
        if metrics := numbers_of(part_of(scores, split)):
            named = {f"{name}_score" if name in taken else name: value for name, value in metrics.items()}
            yield {"split": split, "metric": main, "score": metrics.get(str(main))}, named


def _point_row(record: PointRecord) -> tuple[Row, ...]:
    point, model, flops = part_of(record, "point"), part_of(record, "model"), part_of(record, "flops")
    latency, memory = part_of(record, "latency_ms"), part_of(record, "memory")
    samples = latency.get("samples")
    what = {
        **texts_of(record, "key"),
        **plain_values(point, "model", "size", "mode", "length", "batch_size", "tokens", "batching", "precision"),
        "attention": text_of(point.get("attention_used")) or text_of(point.get("attention")),
        "engine": "compile" if point.get("compiled") else text_of(point.get("engine")) or "torch",
        "quantize": text_of(point.get("quantize")) or "none",
        **plain_values(point, "compiled", "threads"),
        "positions_extended": plain_of(point.get("extended")),
        "status": text_of(record.get("status")),
        "reason": text_of(record.get("error")),
        "repetitions": len(samples) if isinstance(samples, list) else 0,
    }
    measured = {
        **numbers_of(latency, "latency_ms_"),
        **numbers_of(part_of(record, "tokens_per_s"), "tokens_per_s_"),
        "peak_memory_above_loaded_mib": number_of(memory.get("peak_above_loaded_mib")),
        "loaded_mib": number_of(memory.get("loaded_mib")),
        "weights_mib": number_of(model.get("weights_mib")),
        "disk_mib": number_of(model.get("disk_mib")),
        **{f"flops_{name}": whole_of(flops.get(name)) for name in ("needed", "executed")},
        "fraction_of_peak": number_of(record.get("fraction_of_peak")),
        **numbers_of(part_of(record, "joules_per_call"), "joules_per_call_"),
        "processor_taken_by_others": number_of(record.get("processor_taken_by_others")),
    }
    where = {"machine": text_of(point.get("machine")), **_machine(record)}
    return what, measured, _size(record), _cost(record), {name: where[name] for name in where if name not in what}


def _what(record: RunRecord | FailureRecord | PretrainingRecord) -> dict[str, object]:
    """The columns that identify a run."""
    model, task = part_of(record, "model"), part_of(record, "task")
    return {
        **texts_of(record, "key"),
        "model": text_of(model.get("name")),
        **(texts_of(model, "architecture") if "architecture" in model else {}),
        **texts_of(model, "size", "weights", "revision"),
        "task": text_of(task.get("name")),
        **texts_of(task, "dataset"),
        **({"trained_on": text_of(part_of(record, "trained_on").get("dataset"))} if "trained_on" in record else {}),
        **texts_of(task, "fingerprint"),
        **{f"option_{name}": text_of(value) for name, value in part_of(task, "options").items()},
        "seed": whole_of(record.get("seed")),
    }


def _recipe(record: RunRecord | FailureRecord) -> dict[str, object]:
    recipe = {"protocol": _FIRST_PROTOCOL, **part_of(record, "recipe")}
    rates = {name: number_of(recipe.get(name)) for name in (*_RATES, "max_grad_norm")}
    return {
        name: rates[name] if name in rates else plain_of(recipe.get(name))
        for name in dict.fromkeys([*_RECIPE, *recipe])
    }


def _size(record: RunRecord | PointRecord | PretrainingRecord) -> dict[str, object]:
    return {name: whole_of(part_of(record, "model").get(name)) for name in ("params_total", "params_non_embedding")}


def _cost(record: Mapping[str, object]) -> dict[str, float]:
    peak = number_of(record.get("peak_memory_mib"))
    return numbers_of(part_of(record, "seconds"), "seconds_") | ({} if peak is None else {"peak_memory_mib": peak})


def _machine(record: RunRecord | FailureRecord | PointRecord | PretrainingRecord) -> dict[str, object]:
    environment = part_of(record, "environment")
    names = texts_of(environment, "cpu", "gpu", "git_revision")
    return {**names, **{name: whole_of(environment.get(name)) for name in ("threads", "processes")}}


def _order(what: Row, recipe: Row) -> tuple[object, ...]:
    names = (str(what.get(name) or "") for name in ("dataset", "fingerprint", "model", "size", "weights"))
    return (*names, number_of(recipe.get("learning_rate")) or 0.0, number_of(what.get("seed")) or 0.0)
