"""The options of all commands that run cells: data, recipe, results and curves."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.cells.recipe import LENGTHS, RECIPE_FIELDS
from harness.cells.recipe_field import RecipeField, RecipeValue
from harness.errors import InputError
from harness.machine.tracking import Curves, trackers_of
from harness.store import DEFAULT_STORE
from harness.values import data_dir, valid_name, valid_path, valid_shown_name

Options = argparse._ActionsContainer
"""A parser or a group of options."""


MODEL_HELP = "avey-b, bert, roberta, modernbert, neobert, a plug-in's; or a folder or hub id of an encoder that transformers knows"


def add_weights_options(options: Options) -> None:
    """The weights of the encoder, and its size."""
    options.add_argument(
        "--weights",
        type=valid_path,
        help="of a registered model: scratch (default), tiny-pretrained, hub, a folder, or a hub id OWNER/NAME[@REVISION]",
    )
    options.add_argument("--size", type=valid_name, help="tiny (default), base, large")


def add_name_option(options: Options) -> None:
    """What reports call the model."""
    options.add_argument(
        "--name",
        type=valid_shown_name,
        help="what every table, figure and page calls the model (default: hub id or folder)",
    )


def weights_of(model: str, weights: str | None) -> str:
    """The weights of a request's model.

    Raises:
        InputError: weights are given for a model that was named by its folder or hub id.
    """
    from models.architectures import is_location

    if weights is not None and is_location(model):
        raise InputError(f"--model {model} names its weights already, so leave --weights {weights} out")
    return weights or "scratch"


def add_test_option(options: Options) -> None:
    """The test sets of a trained model."""
    options.add_argument(
        "--test",
        type=lambda text: [valid_name(name) for name in names_of(text)],
        metavar="T,U",
        help="other datasets of the family to test the trained model on, such as nli/hans,nli/snli; they need a test split only",
    )


def add_data_options(options: Options) -> None:
    """The source of examples, and the options of a task."""
    options.add_argument(
        "--data-dir",
        type=valid_path,
        default=data_dir(),
        metavar="DIR",
        help="folder of local datasets, such as DIR/ner/NAME/{train,dev,test}.conll (default $HARNESS_DATA_DIR)",
    )
    options.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out malformed examples and count them in the record, instead of stopping",
    )
    options.add_argument(
        "--strict-tags",
        action="store_true",
        help="refuse CoNLL files with tags that violate their scheme, instead of reading them like conlleval",
    )
    options.add_argument(
        "--task-option", action="append", metavar="NAME=VALUE", help="an option of the task (see `list tasks`)"
    )


def add_recipe_options(parser: argparse.ArgumentParser, several_rates: bool = False) -> None:
    """One option per field of the recipe.

    Args:
        parser: gets the options.
        several_rates: the command has an option of its own for learning rates.
    """
    recipe = parser.add_argument_group("recipe", "the same for every encoder; defaults depend on task and weights only")
    length = recipe.add_mutually_exclusive_group()
    for field in RECIPE_FIELDS.values():
        if not (several_rates and field.name == "learning_rate"):
            add_option(length if field.name in LENGTHS else recipe, field)


def add_option(options: Options, field: RecipeField) -> None:
    """The option of one field of the recipe."""
    declared = field.declaration
    if field.is_switch:
        options.add_argument(declared.flag, dest=field.name, action="store_true", default=None, help=declared.help)
    elif field.number is None:
        options.add_argument(declared.flag, dest=field.name, choices=field.choices, help=declared.help)
    else:
        options.add_argument(
            declared.flag, dest=field.name, type=field.number, metavar=declared.metavar, help=declared.help
        )


def recipe_given(options: argparse.Namespace) -> dict[str, RecipeValue]:
    """The values of the recipe that the user gave."""
    return {name: value for name in RECIPE_FIELDS if (value := getattr(options, name, None)) is not None}


def named_values(option: str, texts: Sequence[str] | None, may_be_empty: bool = True) -> dict[str, str]:
    """The ``NAME=VALUE`` texts of an option as a mapping.

    Args:
        option: its name, for messages.
        texts: as the user gave them.
        may_be_empty: whether a value may be empty.

    Raises:
        InputError: one has no ``=``, name or value, or a name is given twice.
    """
    given: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name or not (value or may_be_empty):
            raise InputError(f"{option} takes NAME=VALUE, not {text!r}")
        if name in given:
            raise InputError(f"{option} {name} is given twice")
        given[name] = value
    return given


def names_of(text: str) -> list[str]:
    """Names with commas."""
    return [name.strip() for name in text.split(",")]


def add_store_option(options: Options) -> None:
    """The folder of the results."""
    options.add_argument(
        "--out",
        type=valid_path,
        default=DEFAULT_STORE,
        metavar="DIR",
        help=f"the results store (default {DEFAULT_STORE})",
    )


def add_save_best_option(options: Options) -> None:
    """The folder of the best models."""
    options.add_argument(
        "--save-best",
        type=valid_path,
        metavar="DIR",
        help="keep the model in DIR/MODEL-SIZE_TASK if its dev score is higher than that of the model there",
    )


def add_curves_options(options: Options) -> None:
    """Options of training curves."""
    options.add_argument(
        "--report-to",
        metavar="TRACKER",
        help="write curves of training: loss, learning rate, gradient norm; tensorboard, wandb, mlflow, trackio or another tracker "
        "of transformers, several with commas, all, or none",
    )
    options.add_argument(
        "--log-dir",
        type=valid_path,
        metavar="DIR",
        help="folder of TensorBoard's curves, with a folder per run (default: tensorboard in the store)",
    )


def curves_of(options: argparse.Namespace) -> Curves | None:
    """Where the curves go, or ``None`` without ``--report-to``.

    Raises:
        InputError: see `harness.machine.tracking.trackers_of`; or a folder was given without TensorBoard.
    """
    trackers = trackers_of("none" if options.report_to is None else options.report_to)
    if options.log_dir is not None and "tensorboard" not in trackers:
        raise InputError("--log-dir is the folder of --report-to tensorboard, which was not given")
    folder = Path(options.log_dir) if options.log_dir else Path(options.out) / "tensorboard"
    return Curves(folder, trackers) if trackers else None
