"""``python -m harness report``: tables, figures and one page of everything that a store holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.values import valid_path

_NAMED = 20


EXAMPLES = """examples:
  python -m harness report
  python -m harness report --out results/cpu --report public
"""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report", parents=[common], epilog=EXAMPLES, help="tables, figures and one page of everything in the store"
    )
    add_store_option(parser)
    parser.add_argument(
        "--report", type=valid_path, metavar="DIR", help="folder of the report (default: report in the store)"
    )
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.progress import counted, stderr
    from harness.report.files import publish
    from harness.report.reading import read
    from harness.report.table import Table, as_rich
    from harness.store import Store
    from harness.terminal import drawn, show

    def show_matrix(matrix: Table) -> None:
        show(drawn(as_rich(matrix), *matrix.all_notes), end="")

    store = Store(options.out)
    if not store.folder.is_dir():
        raise InputError(
            f"there is no store at {options.out}; give another folder with --out, or make a store with harness run"
        )
    reading = read(store.folder)
    for broken in reading.broken[:_NAMED]:
        stderr.print(f"warning: {store.folder / broken.folder} {broken.reason}; it is left out")
    if len(reading.broken) > _NAMED:
        stderr.print(f"warning: {len(reading.broken) - _NAMED} more records are left out; the page lists them")
    if not (reading.runs or reading.failed or reading.bench or reading.imported or reading.pretraining):
        raise InputError(f"the store at {options.out} has no readable record; harness run makes one")
    folder = Path(options.report) if options.report else store.folder / "report"
    try:
        files = publish.write(store, reading, folder, show_matrix)
    except OSError as error:
        raise InputError(
            f"the report could not be written to {folder} ({error.strerror}); choose another folder with --report"
        ) from error
    failed = f", {counted(len(reading.failed), 'failed cell')}" if reading.failed else ""
    bench = f", {counted(len(reading.bench), 'point')} of a bench" if reading.bench else ""
    pretrained = f", {counted(len(reading.pretraining), 'pretraining')}" if reading.pretraining else ""
    show(f"{counted(len(reading.runs), 'finished run')}{failed}{bench}{pretrained}: {len(files)} files in {folder}")
    show(str(files[-1]))
    return 0
