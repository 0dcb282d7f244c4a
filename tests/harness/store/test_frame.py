"""DataFrames of records: rows, columns, types and order, whatever the records hold or lack."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.store import frame
from harness.store.record import failure_record, imported_record, point_record, pretraining_record, run_record

RECIPE = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "max_steps": None,
    "batch_size": 16,
    "max_length": 64,
    "warmup_ratio": 0.1,
    "weight_decay": 0.1,
    "adam_beta1": 0.9,
    "adam_beta2": 0.95,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "precision": "fp32",
    "train_limit": None,
    "protocol": 2,
    "steps": 20,
}
MODEL = {
    "name": "bert",
    "size": "tiny",
    "weights": "scratch",
    "identity": "abc",
    "params_total": 5_000_000,
    "params_non_embedding": 3_000_000,
}
TASK = {
    "name": "ner",
    "dataset": "ner/cities",
    "options": {"level": 3},
    "origin": "embedded",
    "fingerprint": "f",
    "sources": {},
    "notes": [],
    "metric": "entity_f1_strict",
    "n_train": 200,
    "n_dev": 30,
    "n_test": 40,
    "n_skipped": 0,
    "overlap": {"dev": 0.1, "test": 0.2},
}
SCORES = {"test": {"entity_f1_strict": 0.5, "precision": 0.25}, "dev": {"entity_f1_strict": 0.75}}
WHAT = {"schema_version": 1, "key": "k", "status": "ok", "error": None, "model": MODEL, "task": TASK, "seed": 0}


def run(key="k", **changes):
    given = {
        "key": key,
        "model": MODEL,
        "task": TASK,
        "recipe": RECIPE,
        "seed": 0,
        "tuned": {"threshold": 0.5},
        "scores": SCORES,
        "losses": [(1, 2.0)],
        "seconds": {"fit": 12.5},
        "peak_memory_mib": 900.0,
        "environment": {"cpu": "a processor", "threads": 2},
        "predictions": "predictions.jsonl",
    }
    return run_record(**given | changes)


def test_a_run_is_a_row_per_split_with_metrics_as_columns():
    table = frame.runs([run()])
    assert list(table["split"]) == ["dev", "test"]
    assert list(table["score"]) == list(table["entity_f1_strict"]) == [0.75, 0.5]
    test = table.iloc[1]
    told = {
        "key": "k",
        "model": "bert",
        "size": "tiny",
        "weights": "scratch",
        "task": "ner",
        "dataset": "ner/cities",
        "fingerprint": "f",
        "option_level": "3",
        "seed": 0,
        "metric": "entity_f1_strict",
        "learning_rate": 1e-3,
        "epochs": 2.0,
        "batch_size": 16,
        "precision": "fp32",
        "steps": 20,
        "params_total": 5_000_000,
        "n_test": 40,
        "overlap_test": 0.2,
        "tuned_threshold": 0.5,
        "seconds_fit": 12.5,
        "peak_memory_mib": 900.0,
        "cpu": "a processor",
        "threads": 2,
    }
    assert {name: test[name] for name in told} == told


def test_a_metric_with_the_name_of_another_column_hides_nothing():
    table = frame.runs([run()])
    assert list(table["precision"]) == ["fp32", "fp32"]
    assert pd.isna(table["precision_score"][0])
    assert table["precision_score"][1] == 0.25


def test_columns_keep_their_types_where_values_are_missing():
    steps = run("l", recipe=RECIPE | {"max_steps": 7}, seed=1)
    table = frame.runs([run(), steps]).set_index(["key", "split"])
    types = {name: str(table[name].dtype) for name in table}
    whole = {"seed": "int64", "batch_size": "int64", "max_steps": "Int64", "n_train": "int64", "params_total": "int64"}
    numbers = dict.fromkeys(("epochs", "learning_rate", "score", "precision_score", "seconds_fit"), "float64")
    assert types.items() >= {**whole, **numbers, "model": "str", "train_limit": "float64"}.items()
    assert pd.isna(table["max_steps"]["k", "test"])
    assert table["max_steps"]["l", "test"] == 7


def test_rows_are_ordered_by_what_was_run_and_columns_do_not_depend_on_the_first_record():
    other = TASK | {"dataset": "classification/x", "metric": "accuracy"}
    records = [
        run("c", seed=10),
        run("b", seed=9),
        run("d", model=MODEL | {"name": "avey-b"}, seed=0),
        run("a", task=other, scores={"dev": {}, "test": {"accuracy": 1}}),
    ]
    table = frame.runs(records)
    assert list(table["key"]) == ["a", "d", "d", "b", "b", "c", "c"]
    assert str(table["accuracy"].dtype) == "float64"
    columns = list(table)
    assert columns.index("seed") < columns.index("learning_rate") < columns.index("accuracy")
    assert columns.index("accuracy") < columns.index("entity_f1_strict") < columns.index("params_total")
    pd.testing.assert_frame_equal(table, frame.runs(reversed(records))[columns])


def test_runs_of_the_first_protocol_say_so():
    recipe = {name: value for name, value in RECIPE.items() if name != "protocol"}
    assert set(frame.runs([run(recipe=recipe)])["protocol"]) == {1}


def test_a_failed_cell_is_a_row_with_its_error():
    task = {"name": "ner", "dataset": "ner/cities", "options": {}}
    failed = failure_record(
        key="f",
        status="oom",
        error="out of memory",
        model=MODEL,
        task=task,
        recipe=RECIPE,
        seed=3,
        environment={"threads": 2},
        command="python -m harness run",
    )
    (row,) = frame.failures([failed]).to_dict("records")
    assert (row["status"], row["error"], row["seed"], row["learning_rate"]) == ("oom", "out of memory", 3, 1e-3)
    assert row["command"] == "python -m harness run"


def point(length, measured):
    entry = {
        "model": "bert",
        "size": "tiny",
        "mode": "inference",
        "length": length,
        "batching": "batch 2",
        "batch_size": 2,
        "precision": "fp32",
        "attention": "sdpa",
        "compiled": False,
        "threads": 2,
        "vocabulary": 8192,
        "extended": False,
        "machine": "m",
        "tokens": 2 * length,
        "ids": "Zipf",
        "objective": None,
        "attention_used": "eager",
    }
    return point_record(
        key=f"p{length}",
        model={"name": "bert", "size": "tiny", "weights": "scratch", "max_length": 512},
        point=entry,
        limits={"timeout_s": 1.0, "memory_mib": 1, "min_repetitions": 1, "min_seconds": 0.0},
        measured=measured,
        calibration=None,
    )


def test_points_are_rows_by_length_whether_they_were_measured_or_not():
    measured = {
        "status": "ok",
        "error": None,
        "samples_ms": [10.0, 20.0, 30.0],
        "memory": {"peak_above_loaded_mib": 7.5},
        "flops": {"needed": 10, "executed": 12},
        "environment": {"threads": 1, "cpu": "c"},
        "wall_s": 2.0,
        "load_s": 1.0,
    }
    table = frame.points([point(512, {"status": "oom", "error": "no memory"}), point(128, measured)])
    first, second = table.to_dict("records")
    told = {
        "length": 128,
        "batch_size": 2,
        "tokens": 256,
        "attention": "eager",
        "threads": 2,
        "status": "ok",
        "repetitions": 3,
        "latency_ms_median": 20.0,
        "tokens_per_s_median": 256 / 0.02,
        "flops_executed": 12,
        "peak_memory_above_loaded_mib": 7.5,
        "seconds_wall": 2.0,
        "machine": "m",
        "cpu": "c",
    }
    assert first.items() >= told.items()
    assert (second["length"], second["status"], second["reason"], second["repetitions"]) == (512, "oom", "no memory", 0)
    assert pd.isna(second["latency_ms_median"])
    assert str(table["flops_needed"].dtype) == "Int64"


def test_imported_scores_name_their_protocol_and_source():
    record = imported_record(
        key="i",
        protocol="mteb",
        model={"name": "e5", "size": "imported", "weights": "e5", "revision": None},
        task={
            "name": "Retrieval",
            "dataset": "mteb/NFCorpus",
            "subset": "default",
            "languages": ["eng", "deu"],
            "metric": "ndcg_at_10",
            "revision": None,
        },
        scores={"test": {"ndcg_at_10": 0.4, "map": 0.3}},
        hyperparameters="lr1e-04_sd0",
        source={"file": "NFCorpus.json", "sha256": "0", "version": "2", "notes": []},
    )
    (row,) = frame.imported([record]).to_dict("records")
    told = {
        "protocol": "mteb",
        "model": "e5",
        "dataset": "mteb/NFCorpus",
        "languages": "eng,deu",
        "split": "test",
        "metric": "ndcg_at_10",
        "score": 0.4,
        "map": 0.3,
        "hyperparameters": "lr1e-04_sd0",
        "source_file": "NFCorpus.json",
    }
    assert row.items() >= told.items()


def test_pretraining_is_a_row_with_held_out_scores_and_those_of_counting():
    heldout = {"loss": 4.0, "accuracy": 0.25, "bits_per_byte": 1.5}
    record = pretraining_record(
        key="p",
        identity={},
        model=MODEL | {"options": {}},
        recipe={"learning_rate": 2e-3, "rows": [256, 512]},
        seed=0,
        task={"name": "pretraining", "dataset": "pretraining/x", "fingerprint": "f", "metric": "loss"},
        scores={"heldout": heldout, "heldout_by_rows": {}},
        baselines={"unigram": {"loss": 7.0}, "bigram": {"loss": 5.0}},
        tokens_to_5_nats=100,
        curve=[],
        losses=[],
        flops=1e15,
        seconds={"train": 9.0},
        resumed_from=[],
        throughput={"tokens_per_s": 10.0, "mfu": None, "matmul_flops_per_s": 1.0},
        peak_memory_mib=1.0,
        environment={"threads": 1},
        command="c",
    )
    (row,) = frame.pretraining([record]).to_dict("records")
    told = {
        "loss": 4.0,
        "bigram_loss": 5.0,
        "on_plateau": False,
        "learning_rate": 2e-3,
        "rows": "256-512",
        "flops": 1e15,
    }
    assert row.items() >= told.items()


def test_predictions_keep_their_order_and_every_column():
    rows = [
        {"split": "dev", "id": "2", "gold": ["B"], "predicted": ["O"], "terms": [0, 1]},
        {"split": "test", "id": "1"},
    ]
    table = frame.predictions(rows)
    assert list(table["id"]) == ["2", "1"]
    assert table["terms"][0] == [0, 1]


def test_half_a_surrogate_pair_in_a_text_or_a_name_is_kept():
    table = frame.predictions([{"split": "dev", "text": "a\udc80", "\udc80": "b"}])
    assert table["text"][0] == "a\udc80"
    assert table["\udc80"][0] == "b"
    assert table["split"].dtype == "str"


@pytest.mark.parametrize(
    ("build", "records"),
    [(frame.runs, [run()]), (frame.points, [point(8, {"status": "oom", "error": "e"})]), (frame.predictions, [{}])],
)
def test_an_empty_table_has_the_columns_that_every_table_has(build, records):
    empty = build([])
    assert len(empty) == 0
    assert {"key", "id"} & set(empty)
    if records != [{}]:
        assert set(empty) <= set(build(records))


TEXT = st.text(st.characters(exclude_categories=()), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=6,
)
KEYS = (
    "name",
    "dataset",
    "metric",
    "options",
    "threads",
    "learning_rate",
    "epochs",
    "n_x",
    "test",
    "samples",
    "length",
)
PARTS = JSON | st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(TEXT, JSON), max_size=4)
NAMES = (*run(), "point", "latency_ms", "memory", "flops", "source", "baselines", "joules_per_call", "protocol")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), PARTS, max_size=8), max_size=3))
def test_records_that_people_wrote_are_read_whatever_they_hold(records):
    for build in frame.FRAMES.values():
        table = build(records)
        assert len(table) <= max(
            len(records), sum(len(r["scores"]) for r in records if isinstance(r.get("scores"), dict))
        )
