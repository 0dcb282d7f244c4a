"""``python -m harness report``: tables, figures and one page of everything that a store holds."""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.values import valid_path

if TYPE_CHECKING:
    from harness.report.reading import Reading
    from harness.store import Store

_NAMED = 20
LOOKED_S = 2.0
"""Seconds from one look at the store to the next while it is watched."""
RENEWED_S = 5
"""Seconds after which the page of a watched store loads itself again."""

EXAMPLES = """examples:
  python -m harness report
  python -m harness report --out results/ci --report public
  python -m harness report --watch
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
    parser.add_argument(
        "--watch", action="store_true", help="write the report again whenever the store changes, until Ctrl-C"
    )
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.store import Store

    store = Store(options.out)
    if not store.folder.is_dir():
        raise InputError(
            f"there is no store at {options.out}; give another folder with --out, or make a store with harness run"
        )
    folder = Path(options.report) if options.report else store.folder / "report"
    if options.watch:
        return _watch(store, folder)
    reading = _read(store)
    if not reading.anything:
        raise InputError(f"the store at {options.out} has no readable record; harness run makes one")
    _write(store, reading, folder)
    return 0


def _watch(store: Store, folder: Path) -> int:
    """Write the report whenever a record appears or changes; on Ctrl-C a last time, without renewal of the page."""
    from harness.progress import stderr

    stderr.print(f"watching {store.folder}; Ctrl-C ends")
    written = ""
    try:
        while True:
            state = store.state()
            if state != written and (reading := _read(store)).anything:
                _write(store, reading, folder, renew=RENEWED_S)
                written = state
            time.sleep(LOOKED_S)
    except KeyboardInterrupt:
        if (reading := _read(store)).anything:
            _write(store, reading, folder)
        return 0


def _read(store: Store) -> Reading:
    """The content of the store, with a warning about each record that cannot be read."""
    from harness.progress import stderr
    from harness.report.reading import read

    reading = read(store.folder)
    for broken in reading.broken[:_NAMED]:
        stderr.print(f"warning: {store.folder / broken.folder} {broken.reason}; it is left out")
    if len(reading.broken) > _NAMED:
        stderr.print(f"warning: {len(reading.broken) - _NAMED} more records are left out; the page lists them")
    return reading


def _write(store: Store, reading: Reading, folder: Path, renew: int = 0) -> None:
    """Write the report and show the answer; the tables too, unless the page renews itself."""
    from harness.progress import counted
    from harness.report.files import publish
    from harness.report.table import Table, as_rich
    from harness.terminal import drawn, show

    def show_result(result: Table | str) -> None:
        # The files are written though the reader of our output, such as `head`, has ended.
        with suppress(BrokenPipeError):
            if isinstance(result, str):
                show(result)
            elif not renew:
                show(drawn(as_rich(result), *result.all_notes), end="")

    try:
        files = publish.write(store, reading, folder, show_result, renew)
    except OSError as error:
        raise InputError(
            f"the report could not be written to {folder} ({error.strerror}); choose another folder with --report"
        ) from error
    failed = f", {counted(len(reading.failed), 'failed cell')}" if reading.failed else ""
    bench = f", {counted(len(reading.bench), 'point')} of a bench" if reading.bench else ""
    pretrained = f", {counted(len(reading.pretraining), 'pretraining')}" if reading.pretraining else ""
    show(f"{counted(len(reading.runs), 'finished run')}{failed}{bench}{pretrained}: {len(files)} files in {folder}")
    show(str(files[-1]))
