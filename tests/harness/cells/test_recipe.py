"""Values of a recipe that mean the same are the same."""

from harness.cells.recipe import Recipe


def test_whole_numbers_and_floats_are_one_recipe_with_one_key():
    whole, typed = (
        Recipe().with_options({"epochs": 3, "weight_decay": 0}),
        Recipe().with_options({"epochs": 3.0, "weight_decay": 0.0}),
    )
    assert repr(whole) == repr(typed)
    assert isinstance(Recipe().with_options({"batch_size": 8}).batch_size, int)
    assert Recipe().with_options({"keep_best": True}).keep_best is True
