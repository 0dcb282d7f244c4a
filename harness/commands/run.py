"""``python -m harness run``: fine-tune one encoder on one task and score it."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cells.request import RECIPE_FLAGS, Request, seed_from
from harness.errors import InputError
from harness.store import DEFAULT_STORE
from harness.values import data_dir, valid_name, valid_path

EXAMPLES = """examples:
  python -m harness run --model bert --task ner
  python -m harness run --model avey-b --task ner/mine --data-dir data --lr 5e-4 --epochs 3
  python -m harness run --model bert --weights path/to/model --task retrieval/scifact --epochs 0
"""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    run = commands.add_parser(
        "run", parents=[common], epilog=EXAMPLES, help="fine-tune one encoder on one task and score it"
    )
    run.add_argument(
        "--model", type=valid_name, required=True, help="avey-b, bert, roberta, modernbert, neobert, or a plug-in's"
    )
    run.add_argument(
        "--task", type=valid_name, required=True, help="FAMILY or FAMILY/DATASET, such as ner or ner/wnut17"
    )
    run.add_argument(
        "--weights", type=valid_path, default="scratch", help="scratch (default), hub, a folder, or a hub id"
    )
    run.add_argument("--size", type=valid_name, help="tiny (default), base, large")
    run.add_argument("--seed", type=seed_from, default=0, help="of initialisation, batches and dropout (default 0)")
    add_data_options(run)
    add_recipe_options(run)
    output = run.add_argument_group("output")
    output.add_argument(
        "--out",
        type=valid_path,
        default=DEFAULT_STORE,
        metavar="DIR",
        help=f"the results store (default {DEFAULT_STORE})",
    )
    output.add_argument("--force", action="store_true", help="run again even if the store has the result")
    output.add_argument("--json", action="store_true", help="print the record as one JSON line on stdout")
    add_curves_options(output)
    run.set_defaults(command=run_cell)


def add_data_options(parser: Any) -> None:
    """Where examples come from, and the options of a task: the same for every command that runs cells."""
    parser.add_argument(
        "--data-dir", type=valid_path, default=data_dir(), metavar="DIR",
        help="folder of local datasets, such as DIR/ner/NAME/{train,dev,test}.conll (default $HARNESS_DATA_DIR)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave malformed examples out, counted in the record, instead of stopping",
    )
    parser.add_argument(
        "--strict-tags",
        action="store_true",
        help="refuse CoNLL files with tags that depart from their scheme, instead of reading them as conlleval does",
    )
    parser.add_argument(
        "--task-option", action="append", metavar="NAME=VALUE", help="an option of the task (`list tasks` names them)"
    )


def add_curves_options(parser: Any) -> None:
    """Where curves of training go: the same for every command that runs cells."""
    parser.add_argument(
        "--report-to", choices=["tensorboard"], help="write curves of training: loss, learning rate, gradient norm"
    )
    parser.add_argument(
        "--log-dir",
        type=valid_path,
        metavar="DIR",
        help="folder of these curves, a folder a run (default: tensorboard in the store)",
    )


def curves_folder(options: argparse.Namespace) -> Path | None:
    """The folder of the curves, or ``None`` where none were asked for.

    Raises:
        InputError: TensorBoard is not installed, or a folder was given and no curves were asked for.
    """
    if options.report_to is None:
        if options.log_dir is not None:
            raise InputError("--log-dir is the folder of --report-to tensorboard, which was not given")
        return None
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--report-to tensorboard needs the package tensorboard; pip install tensorboard")
    return Path(options.log_dir) if options.log_dir else Path(options.out) / "tensorboard"


def add_recipe_options(parser: Any, several_rates: bool = False) -> None:
    """The values of the recipe that can be given: the same for every command that runs cells.

    Args:
        parser: gets the options.
        several_rates: the command has an option of its own for learning rates.
    """
    recipe = parser.add_argument_group("recipe", "the same for every encoder; defaults depend on task and weights only")
    if not several_rates:
        recipe.add_argument("--lr", dest="learning_rate", type=float, help="peak learning rate")
    length = recipe.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, help="passes over the training examples")
    length.add_argument("--max-steps", type=int, help="optimiser steps, instead of epochs")
    recipe.add_argument("--train-limit", type=int, metavar="N", help="train on a fixed sample of N examples")
    recipe.add_argument("--max-length", type=int, metavar="TOKENS", help="longest input, special tokens included")
    recipe.add_argument("--batch-size", type=int, help="examples in one optimiser step")
    recipe.add_argument("--precision", choices=["fp32", "bf16"], help="default: bf16 where the machine is fast at it")
    recipe.add_argument("--warmup-ratio", type=float, metavar="R", help="share of the steps in which the rate rises")
    recipe.add_argument("--weight-decay", type=float, metavar="D", help="decoupled, not on biases and norms")
    recipe.add_argument("--adam-beta1", type=float, metavar="B", help="of AdamW, like the next two")
    recipe.add_argument("--adam-beta2", type=float, metavar="B")
    recipe.add_argument("--adam-epsilon", type=float, metavar="E")
    recipe.add_argument("--max-grad-norm", type=float, metavar="N", help="gradients are clipped to this global norm")


def recipe_given(options: argparse.Namespace) -> dict[str, Any]:
    """The values of the recipe that the user gave."""
    return {name: value for name in RECIPE_FLAGS if (value := getattr(options, name, None)) is not None}


def task_options_given(texts: Sequence[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    Raises:
        InputError: one has no ``=``, or a name is given twice.
    """
    given: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--task-option takes NAME=VALUE, not {text!r}")
        if name in given:
            raise InputError(f"--task-option {name} is given twice")
        given[name] = value
    return given


def _refuse_several(model: str, task: str) -> None:
    """Offer the sweep to who names several models or tasks.

    Raises:
        InputError: that was so.
    """
    for option, value in (("--model", model), ("--task", task)):
        if "," in value:
            raise InputError(
                f"{option} takes one name, not {value!r}; for several: python -m harness sweep --models {model} --tasks {task}"
            )


def run_cell(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.machine import distributed
    from harness.pipelines import run_cell as execute
    from harness.store.record import is_finished_run
    from harness.terminal import show_json

    _refuse_several(options.model, options.task)
    request = Request(
        options.model, options.task, options.weights, options.size, options.seed, options.data_dir,
        recipe_given(options), task_options_given(options.task_option), options.skip_bad, tuple(options.plugin or ()),
        options.strict_tags,
    )  # fmt: skip
    outcome = execute.run_one(request, options.out, options.force, curves_folder(options))
    if outcome is None:
        return 0
    done = outcome.record["status"] == "ok"
    if not distributed.is_first():
        return 0 if done else 1
    if options.json:
        show_json(outcome.record)
    elif is_finished_run(outcome.record):
        from harness.report.terminal import run_summary

        print(run_summary.as_text(outcome.record, outcome.folder), end="")
    return 0 if done else 1
