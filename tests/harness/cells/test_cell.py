from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cells.cell import Cell
from harness.cells.recipe import Recipe
from harness.cells.task_options import chosen_options, with_task_options
from harness.errors import InputError
from tasks import TASKS

CELL = Cell(
    "avey-b", "tiny", "scratch", "ner/docstrings", Recipe(), 0, weights_identity="weights", data_identity="data"
)


def test_the_key_does_not_move():
    """Stored results are found by this; it may change only together with PROTOCOL."""
    assert CELL.key == replace(CELL).key == "6357838217b91aa5"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "bert"},
        {"size": "base"},
        {"task": "ner/wnut17"},
        {"seed": 1},
        {"weights_identity": "other"},
        {"data_identity": "other"},
        {"recipe": Recipe(learning_rate=2e-5)},
        {"recipe": Recipe(precision="bf16")},
        {"recipe": Recipe(schedule="cosine")},
        {"recipe": Recipe(keep_best=True)},
        {"recipe": Recipe(test_limit=100)},
        {"recipe": Recipe(train="head")},
        {"tests": (("ner/wnut17", "data"),)},
    ],
)
def test_the_key_tells_apart_what_decides_the_score(change):
    assert replace(CELL, **change).key != CELL.key


def test_later_fields_are_in_keys_and_records_only_when_they_are_used():
    later = {"schedule", "keep_best", "test_limit", "train"}
    assert not later & set(Recipe().as_record())
    values = {"schedule": "constant", "keep_best": True, "test_limit": 5, "train": "head"}
    used = Recipe(**values).as_record()
    assert {name: used[name] for name in later} == values


def test_the_key_ignores_where_equal_files_lie():
    assert replace(CELL, data_dir="/elsewhere", weights="/a/copy").key == CELL.key


def test_the_key_tells_apart_the_test_sets_and_their_content():
    found = [(("ner/wnut17", "data"),), (("ner/wnut17", "other"),), (("ner/wnut17", "data"), ("ner/x", "data"))]
    assert len({replace(CELL, tests=tests).key for tests in found}) == 3


@given(
    st.sampled_from(["learning_rate", "batch_size", "max_steps", "train_limit"]),
    st.floats(max_value=0, allow_infinity=False),
)
def test_what_cannot_be_trained_is_refused(name, value):
    with pytest.raises(InputError, match=f"the {name.replace('_', ' ')} must be greater than 0"):
        Recipe(**{name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_learning_rate_is_a_number(value):
    with pytest.raises(InputError):
        Recipe(learning_rate=value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "linnear"}, "the schedule is linear or cosine or constant, not 'linnear'"),
        ({"keep_best": 1}, "the keep best is true or false, not 1"),
        ({"test_limit": 0}, "the test limit must be greater than 0, not 0"),
    ],
)
def test_a_value_of_another_kind_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        Recipe(**values)


def test_an_unknown_option_suggests_the_right_one():
    with pytest.raises(InputError, match="did you mean 'learning_rate'"):
        Recipe().with_options({"learning_rat": 1})


@pytest.mark.parametrize("family", ["ner", "span", "nli", "classification", "retrieval"])
def test_columns_and_splits_are_in_the_key_only_if_they_are_named(family):
    task = TASKS[family]
    unnamed = dict(chosen_options(task))
    assert not unnamed.keys() & {*task.columns, "train_split", "dev_split", "test_split"}
    named = with_task_options(task, {task.columns[0]: "x", "test_split": "y"})
    assert dict(chosen_options(named)) == {**unnamed, task.columns[0]: "x", "test_split": "y"}
