"""``python -m harness export``: a run's scores in the form of a Hugging Face model card."""

from __future__ import annotations

import argparse
import sys

from harness.commands import Commands
from harness.commands.cell_options import add_store_option
from harness.values import valid_name, valid_path

EXAMPLES = """examples:
  python -m harness export 3f2a9c
  python -m harness export results/runs/bert-tiny_ner-docstrings_3f2a9c0d --model-name my-bert
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        parents=[common],
        epilog=EXAMPLES,
        help="print a run's test scores as model-card metadata (model-index YAML)",
    )
    parser.add_argument(
        "runs", type=valid_path, nargs="+", metavar="RUN", help="folders of runs, or keys of runs in the store"
    )
    parser.add_argument("--format", choices=["model-index"], default="model-index", help="default model-index")
    parser.add_argument(
        "--model-name", type=valid_name, metavar="NAME", help="name on the card (default: the name in the runs)"
    )
    add_store_option(parser)
    parser.set_defaults(command=export)


def export(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.exchange.model_index import find_run, front_matter
    from harness.store import Store
    from harness.store.record_file import encoded

    store = Store(options.out)
    records = [find_run(run, store) for run in options.runs]
    card = f"---\n{front_matter(records, options.model_name)}---\n"
    sys.stdout.buffer.write(encoded(card))  # a card is a UTF-8 file, independent of the terminal's encoding
    sys.stdout.buffer.flush()
    return 0
