"""``python -m harness fetch``: copy hub datasets into a folder for machines without network."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cells.request import split_task
from harness.commands import Commands
from harness.errors import InputError
from harness.values import data_dir, valid_name, valid_path

EXAMPLES = """examples:
  python -m harness fetch span/squad --data-dir data
  python -m harness fetch ner/wnut17 classification/sst2 --data-dir data --force
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    fetch = commands.add_parser(
        "fetch", parents=[common], epilog=EXAMPLES, help="copy hub datasets into a folder for machines without network"
    )
    fetch.add_argument(
        "tasks",
        type=valid_name,
        nargs="+",
        metavar="TASK",
        help="FAMILY/DATASET, such as span/squad (see `list data`)",
    )
    fetch.add_argument(
        "--data-dir",
        type=valid_path,
        default=data_dir(),
        metavar="DIR",
        help="the folder to fill, which `run --data-dir` reads (default $HARNESS_DATA_DIR)",
    )
    fetch.add_argument("--force", action="store_true", help="replace existing copies")
    fetch.set_defaults(command=fetch_all)


def fetch_all(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.terminal import show
    from tasks import TASKS
    from tasks.sources.hub.copies import copy_from_hub

    if not options.data_dir:
        raise InputError("fetch needs the folder to fill: --data-dir DIR, or HARNESS_DATA_DIR")
    wanted = map(split_task, options.tasks)
    tasks = [(TASKS[family], dataset) for family, dataset in wanted]  # finds unknown names before anything is read
    for task, dataset in tasks:
        done = copy_from_hub(task, dataset or task.default_dataset, Path(options.data_dir), options.force)
        show(done.message)
    return 0
