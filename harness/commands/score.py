"""``python -m harness score``: score a fine-tuned checkpoint as it is."""

from __future__ import annotations

import argparse

from harness.cells.recipe import RECIPE_FIELDS
from harness.cells.request import SCORE_FIELDS, ScoreRequest
from harness.commands import Commands
from harness.commands.cell_options import (
    add_data_options,
    add_name_option,
    add_option,
    add_store_option,
    named_values,
    recipe_given,
)
from harness.commands.run import shown
from harness.engines import ENGINES, QUANTIZATIONS, Choice, check
from harness.values import valid_name, valid_path

EXAMPLES = """examples:
  python -m harness score --weights models/bert-ner --task ner/wnut17 --data-dir data
  python -m harness score --weights models/bert-ner --task ner/wnut17 --data-dir data --engine openvino --quantize int8
  python -m harness score --weights OWNER/NAME --task classification/sst2 --label LABEL_0=negative --label LABEL_1=positive
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    score = commands.add_parser(
        "score",
        parents=[common],
        epilog=EXAMPLES,
        help="score a fine-tuned checkpoint as it is, with its own head",
        description="Score a checkpoint that was fine-tuned before, here or elsewhere, by the pipeline of run without training.",
    )
    score.add_argument(
        "--weights",
        type=valid_path,
        required=True,
        help="a folder or a hub id, with a head and id2label, or of sentence-transformers for retrieval",
    )
    add_name_option(score)
    score.add_argument(
        "--task", type=valid_name, required=True, help="FAMILY or FAMILY/DATASET, such as ner or ner/wnut17"
    )
    score.add_argument(
        "--label",
        action="append",
        metavar="OUTPUT=LABEL",
        help="the dataset's label of an output of the checkpoint, where their names do not say so",
    )
    add_data_options(score)
    deployed = score.add_argument_group(
        "deployment",
        "the engine that runs the model, see also bench; --precision is for torch and compile without --quantize",
    )
    deployed.add_argument("--engine", choices=ENGINES, default="torch", help="default torch")
    deployed.add_argument(
        "--quantize", choices=QUANTIZATIONS, default="none", help="weights in int8, or the model in bf16 (default none)"
    )
    reading = score.add_argument_group("reading", "defaults: those of the run that saved the model, else the task's")
    for name in SCORE_FIELDS:
        add_option(reading, RECIPE_FIELDS[name])
    output = score.add_argument_group("output")
    add_store_option(output)
    output.add_argument("--force", action="store_true", help="score again even if the store has the result")
    output.add_argument("--json", action="store_true", help="print the record as one JSON line on stdout")
    score.set_defaults(command=score_checkpoint)


def score_checkpoint(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.pipelines.run_cell import run_one

    check(Choice(options.engine, options.quantize))
    request = ScoreRequest(
        "",
        options.task,
        options.weights,
        name=options.name,
        data_dir=options.data_dir,
        recipe=recipe_given(options),
        task_options=named_values("--task-option", options.task_option),
        skip_bad=options.skip_bad,
        plugins=tuple(options.plugin or ()),
        strict_tags=options.strict_tags,
        labels=named_values("--label", options.label, may_be_empty=False),
        engine=options.engine,
        quantize=options.quantize,
    )
    return shown(run_one(request, options.out, options.force), options.json)
