"""``python -m harness import``: scores of other tools, marked as not comparable."""

from __future__ import annotations

import argparse

from harness.commands import Commands
from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.values import valid_name, valid_path

EXAMPLES = """examples:
  python -m harness import mteb results/org__model
  python -m harness import encodeval results.json --model ModernBERT-base --dataset conll2003
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "import",
        parents=[common],
        epilog=EXAMPLES,
        help="import scores of other tools (not comparable with runs of the harness)",
    )
    parser.add_argument("protocol", choices=["mteb", "encodeval"], help="the tool that wrote the files")
    parser.add_argument("paths", type=valid_path, nargs="+", metavar="PATH", help="result files, or folders of them")
    parser.add_argument("--model", type=valid_name, help="the model's name (default: from the files or their folders)")
    parser.add_argument("--dataset", type=valid_name, help="encodeval: the dataset's name (default: from the path)")
    add_store_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON line per record on stdout")
    parser.set_defaults(command=import_scores)


def import_scores(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.exchange import encodeval, imported, mteb
    from harness.store import Store
    from harness.terminal import show, show_json

    if options.protocol == "mteb" and options.dataset:
        raise InputError("--dataset is for encodeval; a result of MTEB names its dataset")
    store = Store(options.out)
    # All files are read before the first record is written, so that a folder is imported completely or not at all.
    if options.protocol == "mteb":
        found = list(mteb.read(options.paths, options.model))
    else:
        found = list(encodeval.read(options.paths, options.model, options.dataset))
    store.check_writable()
    for record in imported.keep(store, found):
        task = record["task"]
        split = "test" if "test" in record["scores"] else next(iter(record["scores"]))
        if options.json:
            show_json(record)
        else:
            subset = f" {task['subset']}" if task["subset"] else ""
            score = record["scores"][split][task["metric"]]
            show(f"{record['model']['name']} on {task['dataset']}{subset}: {task['metric']} {score:.4f} on {split}")
    return 0
