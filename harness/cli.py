"""The command line. Heavy imports happen inside a command, so that help and lists are quick.

Exit codes: 0 done; 1 a run or a gate failed; 2 the command or its input is wrong; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from harness.bench import cli as bench_command
from harness.errors import InputError
from harness.registry import load_plugin, suggestion

DEFAULT_STORE = "results/runs"


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one sentence that suggest the right option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._given = args or ()
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"there is no argument {unknown[0]}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        # A misspelt option explains itself better than the required one that is missing for it.
        options = [option for action in self._actions for option in action.option_strings]
        names = [word.partition("=")[0] for word in self._given if word.startswith("--")]
        if unknown := [name for name in names if name not in options]:
            message = f"there is no option {unknown[0]}{suggestion(unknown[0], options)}"
        raise InputError(f"{message} (see {self.prog} --help)")


def run_command(arguments: Sequence[str]) -> int:
    """Parse and run one command; returns the exit code."""
    try:
        options = _parser().parse_args(arguments)
        for plugin in options.plugin or ():
            load_plugin(plugin)
        return int(options.command(options))
    except InputError as error:
        print(f"harness: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harness: stopped; nothing half-written stays, and the same command starts it again", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="harness", description="Compare text encoders: one pipeline, repeatable runs, standard metrics."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument(
        "--plugin", action="append", metavar="FILE.py", help="a Python file that registers models or tasks"
    )

    listing = commands.add_parser("list", parents=[common], help="the models and tasks there are")
    listing.add_argument("what", nargs="?", choices=["models", "tasks"], help="only one of the two")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)

    run = commands.add_parser("run", parents=[common], help="fine-tune one encoder on one task and score it")
    run.add_argument("--model", required=True, help="avey-b, bert, roberta, modernbert, neobert, or a plug-in's")
    run.add_argument("--task", required=True, help="FAMILY or FAMILY/DATASET, such as ner or ner/wnut17")
    run.add_argument("--weights", default="scratch", help="scratch (default), hub, a folder, or a hub id")
    run.add_argument("--size", help="tiny (default), base, large")
    run.add_argument("--seed", type=int, default=0, help="of initialisation, batches and dropout (default 0)")
    run.add_argument(
        "--data-dir", default=os.environ.get("HARNESS_DATA_DIR"), metavar="DIR",
        help="folder of local datasets, such as DIR/ner/NAME/{train,dev,test}.conll (default $HARNESS_DATA_DIR)",
    )  # fmt: skip
    run.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave malformed examples out, counted in the record, instead of stopping",
    )
    recipe = run.add_argument_group("recipe", "the same for every encoder; defaults depend on task and weights only")
    recipe.add_argument("--lr", dest="learning_rate", type=float, help="peak learning rate")
    length = recipe.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, help="passes over the training examples")
    length.add_argument("--max-steps", type=int, help="optimiser steps, instead of epochs")
    recipe.add_argument("--train-limit", type=int, metavar="N", help="train on a fixed sample of N examples")
    recipe.add_argument("--max-length", type=int, metavar="TOKENS", help="longest input, special tokens included")
    recipe.add_argument("--batch-size", type=int, help="examples in one optimiser step")
    recipe.add_argument("--precision", choices=["fp32", "bf16"], help="default: bf16 where the machine is fast at it")
    output = run.add_argument_group("output")
    output.add_argument(
        "--out", default=DEFAULT_STORE, metavar="DIR", help=f"the results store (default {DEFAULT_STORE})"
    )
    output.add_argument("--force", action="store_true", help="run again even if the store has the result")
    output.add_argument("--json", action="store_true", help="print the record as one JSON line on stdout")
    run.set_defaults(command=_run)

    bench_command.add_parser(commands, common, DEFAULT_STORE)
    conformance = commands.add_parser(
        "check", parents=[common], help="certify an encoder: padding, determinism, gradients, saving"
    )
    conformance.add_argument("--model", required=True, help="a registered or plugged-in encoder")
    conformance.add_argument("--weights", default="scratch", help="scratch (default), hub, a folder, or a hub id")
    conformance.add_argument("--size", help="tiny (default), base, large")
    conformance.add_argument("--json", action="store_true", help="as JSON")
    conformance.set_defaults(command=_check)
    return parser


_RECIPE_OPTIONS = ("learning_rate", "epochs", "max_steps", "train_limit", "max_length", "batch_size", "precision")


def _list(options: argparse.Namespace) -> int:
    from harness.report import listing

    print(listing.as_json(options.what) if options.json else listing.as_text(options.what), end="")
    return 0


def _check(options: argparse.Namespace) -> int:
    from harness import execute
    from harness.report import check_table

    checks = execute.check_one(options.model, options.weights, options.size)
    title = f"{options.model}, weights {options.weights}"
    print(check_table.as_json(checks) if options.json else check_table.as_text(title, checks), end="")
    return 0 if all(check.passed for check in checks) else 1


def _run(options: argparse.Namespace) -> int:
    from harness import execute

    given = {name: getattr(options, name) for name in _RECIPE_OPTIONS}
    outcome = execute.run_one(
        options.model, options.task, options.weights, options.size, options.seed, options.data_dir, given,
        options.out, options.force, options.skip_bad,
    )  # fmt: skip
    if outcome.record["status"] != "ok":
        return 1
    if options.json:
        print(json.dumps(outcome.record, ensure_ascii=False))
    else:
        from harness.report import run_summary

        print(run_summary.as_text(outcome.record, outcome.folder, repeat_command(options, outcome.record)), end="")
    return 0


def repeat_command(options: argparse.Namespace, record: dict[str, Any]) -> str:
    """The command that repeats a run on any machine: everything that decides the score is spelled out."""
    recipe = record["recipe"]
    words = ["python", "-m", "harness", "run", "--model", options.model, "--task", record["task"]["dataset"]]
    words += ["--weights", options.weights, "--seed", str(record["seed"])]
    words += ["--size", options.size] if options.size else []
    words += ["--data-dir", options.data_dir] if options.data_dir and record["task"]["origin"] != "embedded" else []
    words += ["--skip-bad"] if options.skip_bad else []
    words += ["--lr", f"{recipe['learning_rate']:g}"]
    words += ["--max-steps", str(recipe["max_steps"])] if recipe["max_steps"] else ["--epochs", f"{recipe['epochs']:g}"]
    words += ["--batch-size", str(recipe["batch_size"]), "--max-length", str(recipe["max_length"])]
    words += ["--train-limit", str(recipe["train_limit"])] if recipe["train_limit"] else []
    words += ["--precision", recipe["precision"]]
    for plugin in options.plugin or ():
        words += ["--plugin", plugin]
    return shlex.join(words)
