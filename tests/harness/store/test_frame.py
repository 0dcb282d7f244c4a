"""DataFrames of records: rows, columns, types and order, whatever the records hold or lack."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.store import frame
from tests.records import failure_record, imported_record, point_record, pretraining_record, run_record

SCORES = {"test": {"entity_f1_strict": 0.5, "precision": 0.25}, "dev": {"entity_f1_strict": 0.75}}


def run(key="k", **changes):
    """A run whose dev split has one metric and whose test split has two, one of them named like a column."""
    usual = {"scores": SCORES, "tuned": {"threshold": 0.5}, "seconds": {"fit": 12.5}}
    return run_record("bert", "ner/cities", **{"key": key} | usual | changes)


def test_a_run_is_a_row_per_split_with_metrics_as_columns():
    table = frame.runs([run(task={"fingerprint": "f", "options": {"level": 3}, "overlap": {"dev": 0.1, "test": 0.2}})])
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
        "epochs": 1.5,
        "batch_size": 32,
        "precision": "bf16",
        "steps": 235,
        "params_total": 5_004_000,
        "n_test": 100,
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
    assert list(table["precision"]) == ["bf16", "bf16"]
    assert pd.isna(table["precision_score"][0])
    assert table["precision_score"][1] == 0.25


def test_columns_keep_their_types_where_values_are_missing():
    steps = run("l", recipe={"max_steps": 7}, seed=1)
    table = frame.runs([run(), steps]).set_index(["key", "split"])
    types = {name: str(table[name].dtype) for name in table}
    whole = {"seed": "int64", "batch_size": "int64", "max_steps": "Int64", "n_train": "int64", "params_total": "int64"}
    numbers = dict.fromkeys(("epochs", "learning_rate", "score", "precision_score", "seconds_fit"), "float64")
    assert types.items() >= {**whole, **numbers, "model": "str", "train_limit": "float64"}.items()
    assert pd.isna(table["max_steps"]["k", "test"])
    assert table["max_steps"]["l", "test"] == 7


def test_rows_are_ordered_by_what_was_run_and_columns_do_not_depend_on_the_first_record():
    records = [
        run("c", seed=10),
        run("b", seed=9),
        run("d", model={"name": "avey-b"}, seed=0),
        run_record("bert", "classification/x", key="a", scores={"dev": {}, "test": {"accuracy": 1}}),
    ]
    table = frame.runs(records)
    assert list(table["key"]) == ["a", "d", "d", "b", "b", "c", "c"]
    assert str(table["accuracy"].dtype) == "float64"
    columns = list(table)
    assert columns.index("seed") < columns.index("learning_rate") < columns.index("accuracy")
    assert columns.index("accuracy") < columns.index("entity_f1_strict") < columns.index("params_total")
    pd.testing.assert_frame_equal(table, frame.runs(reversed(records))[columns])


def test_runs_of_the_first_protocol_say_so():
    assert set(frame.runs([run()])["protocol"]) == {1}
    assert set(frame.runs([run(recipe={"protocol": 2})])["protocol"]) == {2}


def test_a_failed_cell_is_a_row_with_its_error():
    failed = failure_record("bert", "ner/cities", 3, "oom", "out of memory", command="python -m harness run")
    (row,) = frame.failures([failed]).to_dict("records")
    assert (row["status"], row["error"], row["seed"], row["learning_rate"]) == ("oom", "out of memory", 3, 1e-3)
    assert row["command"] == "python -m harness run"


def test_points_are_rows_by_length_whether_they_were_measured_or_not():
    measured = point_record(
        "bert",
        128,
        20.0,
        point={"batch_size": 2, "tokens": 256, "attention_used": "eager"},
        flops={"needed": 10, "executed": 12},
        environment={"threads": 1, "cpu": "c"},
        seconds={"wall": 2.0},
    )
    table = frame.points([point_record("bert", 512, None, "oom", error="no memory"), measured])
    first, second = table.to_dict("records")
    told = {
        "length": 128,
        "batch_size": 2,
        "tokens": 256,
        "attention": "eager",
        "threads": 2,
        "status": "ok",
        "repetitions": 11,
        "latency_ms_median": 20.0,
        "tokens_per_s_median": 128 / 0.02,
        "flops_executed": 12,
        "peak_memory_above_loaded_mib": 0.128,
        "seconds_wall": 2.0,
        "machine": "a machine, torch 2",
        "cpu": "c",
    }
    assert first.items() >= told.items()
    assert (second["length"], second["status"], second["reason"], second["repetitions"]) == (512, "oom", "no memory", 0)
    assert pd.isna(second["latency_ms_median"])
    assert str(table["flops_needed"].dtype) == "Int64"


def test_imported_scores_name_their_protocol_and_source():
    (row,) = frame.imported([imported_record()]).to_dict("records")
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
    (row,) = frame.pretraining([pretraining_record()]).to_dict("records")
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
    [
        (frame.runs, [run()]),
        (frame.points, [point_record("bert", 8, None, "oom", error="no memory")]),
        (frame.predictions, [{}]),
    ],
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
