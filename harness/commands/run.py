"""``python -m harness run``: fine-tune one encoder on one task and score it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cells.request import Request, seed_from
from harness.commands import Commands
from harness.commands.cell_options import (
    MODEL_HELP,
    add_curves_options,
    add_data_options,
    add_name_option,
    add_recipe_options,
    add_save_best_option,
    add_store_option,
    add_test_option,
    add_weights_options,
    curves_of,
    named_values,
    recipe_given,
    weights_of,
)
from harness.errors import InputError
from harness.values import valid_model, valid_name, valid_path

if TYPE_CHECKING:
    from harness.pipelines.run_cell import Outcome

EXAMPLES = """examples:
  python -m harness run --model bert --task ner
  python -m harness run --model avey-b --task ner/mine --data-dir data --lr 5e-4 --epochs 3 --save-model models/mine
  python -m harness run --model path/to/model --name "Our encoder" --task retrieval/scifact --epochs 0
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    run = commands.add_parser(
        "run", parents=[common], epilog=EXAMPLES, help="fine-tune one encoder on one task and score it"
    )
    run.add_argument("--model", type=valid_model, required=True, help=MODEL_HELP)
    run.add_argument(
        "--task", type=valid_name, required=True, help="FAMILY or FAMILY/DATASET, such as ner or ner/wnut17"
    )
    add_test_option(run)
    add_weights_options(run)
    add_name_option(run)
    run.add_argument(
        "--seed", type=seed_from, default=0, help="seed of initialisation, batches and dropout (default 0)"
    )
    add_data_options(run)
    add_recipe_options(run)
    output = run.add_argument_group("output")
    add_store_option(output)
    output.add_argument("--force", action="store_true", help="run again even if the store has the result")
    output.add_argument("--json", action="store_true", help="print the record as one JSON line on stdout")
    output.add_argument(
        "--save-model",
        type=valid_path,
        metavar="DIR",
        help="keep the model: a folder that transformers or sentence-transformers loads",
    )
    add_save_best_option(output)
    add_curves_options(output)
    run.set_defaults(command=run_cell)


def run_cell(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.pipelines.run_cell import Keep, run_one

    _refuse_several(options.model, options.task)
    keep = Keep(*(Path(folder) if folder else None for folder in (options.save_model, options.save_best)))
    return shown(run_one(request_of(options), options.out, options.force, curves_of(options), keep), options.json)


def shown(outcome: Outcome | None, as_json: bool) -> int:
    """Print the outcome of a cell; returns the exit code."""
    from harness.machine import distributed
    from harness.store.record import is_finished_run
    from harness.terminal import show_json

    if outcome is None:
        return 0
    done = outcome.record["status"] == "ok"
    if not distributed.is_first():
        return 0 if done else 1
    if as_json:
        show_json(outcome.record)
    elif is_finished_run(outcome.record):
        from harness.report.terminal import run_summary

        print(run_summary.as_text(outcome.record, outcome.folder), end="")
    return 0 if done else 1


def request_of(options: argparse.Namespace) -> Request:
    """The run that the options ask for."""
    return Request(
        options.model,
        options.task,
        weights_of(options.model, options.weights),
        name=options.name,
        size=options.size,
        seed=options.seed,
        data_dir=options.data_dir,
        recipe=recipe_given(options),
        task_options=named_values("--task-option", options.task_option),
        skip_bad=options.skip_bad,
        plugins=tuple(options.plugin or ()),
        strict_tags=options.strict_tags,
        test=tuple(options.test or ()),
    )


def _refuse_several(model: str, task: str) -> None:
    """Suggest a sweep to a user who names several models or tasks.

    Raises:
        InputError: a name contains a comma.
    """
    for option, value in (("--model", model), ("--task", task)):
        if "," in value and not Path(value).is_dir():
            raise InputError(
                f"{option} takes one name, not {value!r}; for several: python -m harness sweep --models {model} --tasks {task}"
            )
