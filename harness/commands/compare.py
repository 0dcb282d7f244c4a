"""``python -m harness compare A B``: compare two encoders, example by example, on the datasets that both were run on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.store import Store
from harness.values import valid_name, valid_path

if TYPE_CHECKING:
    from harness.comparison.paired_test import Comparison
    from harness.comparison.pairing import Side

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
    from harness.report.terminal import compare_table
    from harness.terminal import show_json

    found = compared(
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


def compared(
    names: tuple[str, str],
    store: Store,
    *,
    task: str | None,
    split: Literal["test", "dev"],
    any_recipe: bool,
    resamples: int,
    test: str | None = None,
) -> list[Comparison]:
    """Compare two encoders on every dataset that both were run on.

    Args:
        names: see `harness.comparison.pairing.side`.
        store: where the runs are.
        task: ``family`` or ``family/dataset`` of the training: only these; ``None`` for all.
        split: whose scores are compared.
        any_recipe: compare runs of different recipes too.
        resamples: of intervals and tests.
        test: ``family/dataset``: only the scores on this dataset.

    Raises:
        InputError: a name means no run or several encoders, or the runs are not comparable.
    """
    from harness.comparison.paired_test import compare
    from harness.comparison.pairing import pairs, side
    from harness.progress import stderr

    if not 100 <= resamples <= 1_000_000:
        raise InputError(f"--resamples must be between 100 and 1000000, not {resamples}")
    records = list(store.records(on_problem=lambda problem: stderr.print(f"harness: {problem}")))
    ours, theirs = (side(name, store, records) for name in names)
    if split == "dev":
        ours, theirs = (_trained_there(one, test) for one in (ours, theirs))
    return compare(pairs(ours, theirs, task, any_recipe, test), ours.predictions, theirs.predictions, split, resamples)


def _trained_there(side: Side, test: str | None) -> Side:
    """The side without test sets, of which no dev split is scored."""
    found = tuple(entry for entry in side.entries if not entry.trained_on)
    if test and not any(entry.dataset == test for entry in found):
        raise InputError(
            f"{side.name} was not trained on {test}, and of a test set no dev split is scored; leave --split dev out"
        )
    return replace(side, entries=found)
