"""``python -m harness list``: the available models, tasks and datasets."""

from __future__ import annotations

import argparse

from harness.commands import Commands
from harness.errors import InputError
from harness.values import valid_path

EXAMPLES = """examples:
  python -m harness list
  python -m harness list data
  python -m harness list data --data-dir data
  python -m harness list models --plugin my_encoder.py --json
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    listing = commands.add_parser("list", parents=[common], epilog=EXAMPLES, help="list models, tasks and datasets")
    listing.add_argument(
        "what", nargs="?", choices=["models", "tasks", "data"], help="only one of them (default: models and tasks)"
    )
    listing.add_argument(
        "--data-dir", type=valid_path, metavar="DIR", help="with data: what this folder of local datasets holds"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(command=list_all)


def list_all(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.report.terminal import listing
    from harness.terminal import show_json

    if options.data_dir is not None:
        return _list_folder(options)
    if options.json:
        show_json(listing.lists(options.what), indent=1)
    else:
        print(listing.as_text(options.what), end="")
    return 0


def _list_folder(options: argparse.Namespace) -> int:
    from harness.report.terminal import local_data
    from harness.terminal import drawn, show_json

    if options.what not in (None, "data"):
        raise InputError(f"--data-dir goes with `list data`, not with `list {options.what}`")
    if options.json:
        show_json({"data": local_data.rows(options.data_dir)}, indent=1)
    else:
        print(drawn(*local_data.as_tables(options.data_dir)), end="")
    return 0
