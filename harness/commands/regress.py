"""``python -m harness regress --baseline FILE``: run its cells again; exit code 1 if one falls below its tolerance."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Commands
from harness.errors import InputError
from harness.values import valid_path

if TYPE_CHECKING:
    from harness.gate.baseline import Baseline
    from harness.store import RunRecord

EXAMPLES = """examples:
  python -m harness regress --baseline results/baselines/ci.json
  python -m harness regress --baseline results/baselines/ci.json --scores-only --out kept
  python -m harness regress --baseline mine.json --update --why "first baseline"
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "regress",
        parents=[common],
        epilog=EXAMPLES,
        help="the CI gate: exit 1 when a score drops below the normal seed-to-seed range",
    )
    parser.add_argument(
        "--baseline",
        type=valid_path,
        required=True,
        metavar="FILE",
        help="the baseline, such as results/baselines/ci.json",
    )
    parser.add_argument("--update", action="store_true", help="write a new baseline from new runs of all its seeds")
    parser.add_argument("--why", metavar="TEXT", help="the reason for a new baseline, kept in it")
    parser.add_argument("--scores-only", action="store_true", help="do not compare throughput")
    parser.add_argument(
        "--out",
        type=valid_path,
        metavar="DIR",
        help="keep the runs in a new folder inside this one (default: they are removed)",
    )
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.set_defaults(command=regress)


def regress(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.gate.baseline import read_baseline, write_baseline
    from harness.gate.judge import judge
    from harness.gate.renewal import renewed
    from harness.progress import stderr
    from harness.report.terminal import regress_table
    from harness.terminal import show_json

    if options.update and not (options.why or "").strip():
        raise InputError("a new baseline needs its reason: --update --why TEXT")
    if options.why and not options.update:
        raise InputError("--why is the reason for a new baseline; add --update")
    baseline = read_baseline(options.baseline, options.update)
    _refuse_useless(baseline, options.update)
    with _folder(options.out) as folder:
        gflops = None if options.scores_only else matmul_gflops()
        runs = _runs(baseline, folder, options)
    if options.update:
        baseline = renewed(baseline, runs, gflops, options.why.strip())
        _refuse_blind(baseline)
        write_baseline(baseline)
        stderr.print(f"{options.baseline} is new; look at it and commit it")
    verdicts = [judge(cell, each, gflops) for cell, each in zip(baseline.cells, runs, strict=True)]
    if options.json:
        show_json(regress_table.as_json(verdicts, gflops))
    else:
        print(regress_table.as_text(verdicts, baseline, gflops), end="")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _refuse_useless(baseline: Baseline, update: bool) -> None:
    """Check before the runs that they will be useful.

    Raises:
        InputError: a cell cannot be run, a new baseline cannot be written, or the present one has no scores or accepts every
            model.
    """
    from harness.gate.baseline import check_writable

    if update:
        check_writable(baseline.file)
    elif empty := [cell for cell in baseline.cells if not cell.scores]:
        raise InputError(
            f"the baseline {baseline.file} has no scores of {empty[0].request.model} on {empty[0].request.task}; "
            "write them with --update --why TEXT"
        )
    else:
        _refuse_blind(baseline)
    _refuse_unusable(baseline)


def _refuse_unusable(baseline: Baseline) -> None:
    """Find the models, datasets and plug-ins of all cells: a missing one is wrong input and no drop of a score."""
    from harness.cells.plan import plan_all
    from harness.registry import load_plugins

    load_plugins(dict.fromkeys(plugin for cell in baseline.cells for plugin in cell.request.plugins))
    _, unsuited = plan_all([cell.request for cell in baseline.cells])
    if unsuited:
        raise InputError(f"the baseline {baseline.file}: {unsuited[0].reason}")


def _refuse_blind(baseline: Baseline) -> None:
    from harness.gate.judge import refuse_blind

    for cell in baseline.cells:
        refuse_blind(cell, len(baseline.rerun_seeds), cell.constant_guess or 0.0)


def _runs(baseline: Baseline, folder: Path, options: argparse.Namespace) -> list[list[RunRecord | str]]:
    """Run the cells, one after the other on one thread."""
    from harness.gate.judge import run_again
    from harness.progress import stderr
    from harness.scheduling.local import ChildOptions, ChildProcesses

    def say(done: int, total: int, cell: str) -> None:
        stderr.print(f"{done} of {total}: {cell}")

    plugins = [str(Path(plugin).resolve()) for plugin in options.plugin or ()]
    executor = ChildProcesses(workers=1, options=ChildOptions(folder, threads=1))
    return run_again(baseline, executor, plugins, options.update, say)


def matmul_gflops() -> float:
    """The rate of float32 matrix products on one thread of this machine, measured in a separate process.

    On one thread, like the gate's cells: the rate of more threads says little about encoders that cannot use them.

    Raises:
        InputError: it could not be measured.
    """
    from harness.cost.supervise import calibrate_in_child

    rates = calibrate_in_child(threads=1)
    if rates is None:
        raise InputError("the machine's rate could not be measured; use --scores-only")
    return float(rates["matmul_flops_per_s"]["fp32"] / 1e9)


@contextlib.contextmanager
def _folder(out: str | None) -> Iterator[Path]:
    """A new store: kept in ``out``, or removed at the end if that is ``None``."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="harness-regress-") as folder:
            yield Path(folder)
        return
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        kept = Path(tempfile.mkdtemp(prefix="regress-", dir=out))
    except OSError as error:
        raise InputError(
            f"runs cannot be kept in {out} ({error.strerror}); choose another folder with --out"
        ) from error
    yield kept
