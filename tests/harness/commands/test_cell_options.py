"""The options of commands that run cells: what is declared once in the recipe arrives everywhere."""

import argparse
import dataclasses
import json

import pytest

from harness.cells.grids import read
from harness.cells.recipe import LENGTHS, RECIPE_FIELDS, Recipe
from harness.cells.request import Request
from harness.commands.cell_options import add_recipe_options, recipe_given

OTHER = {
    "learning_rate": 1.23456789e-4,
    "epochs": 2.5,
    "max_steps": 7,
    "train_limit": 9,
    "max_length": 99,
    "batch_size": 3,
    "precision": "bf16",
    "warmup_ratio": 0.2,
    "weight_decay": 0.3,
    "adam_beta1": 0.4,
    "adam_beta2": 0.5,
    "adam_epsilon": 1e-5,
    "max_grad_norm": 0.6,
    "schedule": "cosine",
    "keep_best": True,
    "train": "head",
    "test_limit": 11,
}
"""A value of every field that is not its default."""


def parsed(arguments):
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return recipe_given(parser.parse_known_args(arguments)[0])


def test_every_field_of_the_recipe_is_tried():
    assert OTHER.keys() == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize("left_out", LENGTHS)
def test_the_command_that_repeats_a_run_gives_its_recipe(left_out):
    values = {name: value for name, value in OTHER.items() if name != left_out}
    recipe = Recipe(**values)
    again = parsed(Request("a", "t").resolved("t/d", recipe, {}).arguments())
    assert again == values
    assert Recipe(**again) == recipe


@pytest.mark.parametrize("name", [name for name in OTHER if name != "learning_rate"])
def test_a_value_means_the_same_in_a_toml_file_and_as_an_option(name, tmp_path):
    value = json.dumps(OTHER[name])
    words = [RECIPE_FIELDS[name].declaration.flag, *([] if OTHER[name] is True else [str(OTHER[name])])]
    file = tmp_path / "grid.toml"
    file.write_text(f'models = ["a"]\ntasks = ["t"]\nrecipe = {{ {name} = {value} }}')
    (grid,) = read(file, {})
    assert grid.recipe == parsed(words) == {name: OTHER[name]}


def test_a_command_with_several_rates_has_no_option_for_one():
    parser = argparse.ArgumentParser()
    add_recipe_options(parser, several_rates=True)
    assert recipe_given(parser.parse_args(["--epochs", "2"])) == {"epochs": 2.0}
    with pytest.raises(SystemExit):
        parser.parse_args(["--lr", "1e-4"])
