"""``python -m harness compare A B``: compare two encoders, example by example, on the datasets that both were run on."""

from __future__ import annotations

import argparse
from typing import Any

from harness.commands.cell_options import add_store_option
from harness.store import Store
from harness.values import valid_name, valid_path

EXAMPLES = """examples:
  python -m harness compare avey-b bert
  python -m harness compare bert:tiny bert@path/to/model --task ner/docstrings --split dev
"""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "compare",
        parents=[common],
        epilog=EXAMPLES,
        help="compare two encoders: intervals and paired tests over examples",
    )
    named = "MODEL, MODEL:SIZE, MODEL@WEIGHTS, or the folder of a run"
    parser.add_argument("a", type=valid_path, metavar="A", help=named)
    parser.add_argument("b", type=valid_path, metavar="B", help="the encoder to compare with")
    parser.add_argument(
        "--task", type=valid_name, help="only this FAMILY or FAMILY/DATASET (default: all that both were run on)"
    )
    parser.add_argument(
        "--test", type=valid_name, help="only the scores on this FAMILY/DATASET, such as a test set of run --test"
    )
    parser.add_argument("--split", choices=["test", "dev"], default="test", help="default test")
    parser.add_argument("--any-recipe", action="store_true", help="compare runs of different recipes too")
    parser.add_argument(
        "--resamples", type=int, default=10_000, metavar="N", help="of intervals and tests (default 10000)"
    )
    add_store_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=compare_two)


def compare_two(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.comparison.compare_encoders import compare_encoders
    from harness.report.terminal import compare_table
    from harness.terminal import show_json

    found = compare_encoders(
        (options.a, options.b),
        Store(options.out),
        task=options.task,
        test=options.test,
        split=options.split,
        any_recipe=options.any_recipe,
        resamples=options.resamples,
    )
    if options.json:
        show_json(compare_table.rows(found))
    else:
        print(compare_table.as_text(found, options.a, options.b, options.split), end="")
    return 0
