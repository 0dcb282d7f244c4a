"""The types of records name the fields of the values that they hold."""

from dataclasses import fields

import pytest

from harness.cells.recipe import Recipe
from harness.cost.points import Limits, Point
from harness.pretraining.recipe import PretrainRecipe
from harness.store.record import LimitsEntry, PointFields, PretrainingRecipe, RecipeEntry


@pytest.mark.parametrize(
    ("value", "entry", "added"),
    [
        (Recipe, RecipeEntry, {"protocol", "effective_batch_size", "steps", "resumed_from_step", "trained"}),
        (Point, PointFields, set()),
        (Limits, LimitsEntry, set()),
        (
            PretrainRecipe,
            PretrainingRecipe,
            {
                "protocol",
                "trunk_tokens",
                "steps",
                "warmup_steps",
                "trunk_steps",
                "passes_read",
                "eval_tokens",
                "points",
            },
        ),
    ],
)
def test_an_entry_has_the_fields_of_its_value_and_what_is_added_to_them(value, entry, added):
    assert entry.__required_keys__ | entry.__optional_keys__ == {field.name for field in fields(value)} | added
