"""``python -m harness sweep``: models x tasks x learning rates x seeds, each cell in its own process."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Commands
from harness.commands.cell_options import (
    add_curves_options,
    add_data_options,
    add_recipe_options,
    add_save_best_option,
    add_store_option,
    add_test_option,
    add_weights_options,
    curves_of,
    named_values,
    names_of,
    recipe_given,
)
from harness.commands.cluster_options import add_cluster_options, cluster_of
from harness.errors import InputError
from harness.values import data_dir, valid_path

if TYPE_CHECKING:
    from harness.cells.grids import Grid
    from harness.scheduling.local import ChildProcesses
    from harness.scheduling.sweep import Sweep


EXAMPLES = """examples:
  python -m harness sweep --models avey-b,bert --tasks ner,nli --lrs 5e-4,1e-3 --seeds 0-4 --dry-run
  python -m harness sweep sweeps/cpu.toml --workers 2
  python -m harness sweep --models bert --tasks classification/sst2 --weights path/to/model --lrs 2e-5,5e-5
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    sweep = commands.add_parser(
        "sweep",
        parents=[common],
        epilog=EXAMPLES,
        help="run models x tasks x learning rates x seeds",
        description="Run a grid of cells. A cell is one model on one dataset with one recipe and one seed.",
    )
    sweep.add_argument(
        "file", type=valid_path, nargs="?", metavar="FILE.toml", help="grids to run; options override the file"
    )
    grid = sweep.add_argument_group("the grid")
    grid.add_argument("--models", metavar="A,B", help="registered names, folders or hub ids, separated by commas")
    grid.add_argument(
        "--names", metavar="N,M", help="what reports call them, as many as --models (default: hub id or folder)"
    )
    grid.add_argument("--tasks", metavar="T,U", help="FAMILY or FAMILY/DATASET, separated by commas")
    add_test_option(grid)
    grid.add_argument("--lrs", metavar="R,S", help="learning rates; the best is chosen on dev (default: the task's)")
    grid.add_argument("--seeds", metavar="0,1 or 0-9", help="seeds of the runs (default 0)")
    add_weights_options(grid)
    add_data_options(sweep)
    add_recipe_options(sweep, several_rates=True)
    where = sweep.add_argument_group("where it runs")
    where.add_argument("--workers", type=int, metavar="N", help="cells at a time on this machine (default 1)")
    where.add_argument(
        "--threads", type=int, metavar="T", help="threads per cell (default: the processors divided by N)"
    )
    where.add_argument("--dry-run", action="store_true", help="list the cells and their estimated time; run nothing")
    where.add_argument("--retry-failed", action="store_true", help="run failed cells again")
    add_cluster_options(sweep)
    output = sweep.add_argument_group("output")
    add_store_option(output)
    output.add_argument("--json", action="store_true", help="print the results as one JSON line on stdout")
    add_save_best_option(output)
    add_curves_options(output)
    sweep.set_defaults(command=sweep_cells)


def sweep_cells(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.progress import counted, stderr
    from harness.store import Store

    grids = _grids(options)
    children = _children(options)
    from harness.scheduling.run_sweep import plan_sweep, run_sweep

    store, best_in = Store(options.out), Path(options.save_best) if options.save_best else None
    if best_in and options.ray is not None:
        raise InputError("--save-best keeps models on this machine, so it does not go with --ray")
    sweep = plan_sweep(grids, store, retry_failed=options.retry_failed, best_in=best_in, say=stderr.print)
    cluster = cluster_of(options, store, curves_of(options))
    if cluster:
        where = f"on the Ray cluster at {cluster.address} with {cluster.resources} each"
    else:
        threads = counted(children.options.threads, "thread")
        where = f"{counted(children.workers, 'worker')} with {threads} each"
    executor = cluster or children
    stderr.print(_before(sweep, where, executor.workers))
    if options.dry_run:
        _print_cells(sweep)
        return 0
    run_sweep(sweep, executor, executor.workers, best_in)
    return _print_results(sweep, options.json)


def _before(sweep: Sweep, where: str, workers: int | None) -> str:
    """The line about a sweep before it runs: its cells, where they run, and how long.

    Args:
        sweep: not run yet.
        where: it will run.
        workers: ``None`` if the cluster decides, once it is reached.
    """
    from harness.progress import counted

    counts = ", ".join(f"{count} {status}" for status, count in sweep.counts.items() if count)
    line = f"{counted(len(sweep.cells), 'cell')} in {sweep.store.folder}: {counts}; {len(sweep.to_run)} to run, {where}"
    if not sweep.to_run:
        return line
    left = sweep.left(workers)
    if not left:
        # Cells that are done already may be unlike those to run, and say nothing about them.
        return f"{line}, no estimate before the first of these has ended"
    unknown = sweep.estimates.unknown([planned.cell for planned in sweep.to_run])
    guessed = f" ({unknown} without an estimate, counted as the mean of the others)" if unknown else ""
    return f"{line}, {left}{guessed}"


def _grids(options: argparse.Namespace) -> list[Grid]:
    from harness.cells import grids

    in_environment = valid_path(folder) if (folder := data_dir()) else None
    given: dict[str, object] = {
        "models": names_of(options.models) if options.models is not None else None,
        "names": names_of(options.names) if options.names is not None else None,
        "tasks": names_of(options.tasks) if options.tasks is not None else None,
        "test": options.test,
        "learning_rates": rates_of(options.lrs) if options.lrs is not None else None,
        "seeds": options.seeds,
        "weights": options.weights,
        "size": options.size,
        "data_dir": options.data_dir if options.data_dir != in_environment else None,
        "skip_bad": options.skip_bad or None,
        "strict_tags": options.strict_tags or None,
        "plugins": options.plugin,
        "recipe": recipe_given(options) or None,
        "task_options": named_values("--task-option", options.task_option) or None,
    }
    named = {key: value for key, value in given.items() if value is not None}
    return grids.read(options.file, named, {"data_dir": in_environment} if in_environment else {})


def rates_of(text: str) -> list[float]:
    """Learning rates with commas.

    Raises:
        InputError: one is no number.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--lrs takes numbers with commas, such as 1e-4,5e-4, not {text!r}") from None


def _children(options: argparse.Namespace) -> ChildProcesses:
    """The executor of this machine."""
    from harness.scheduling.local import ChildOptions, ChildProcesses, workers_and_threads

    workers, threads = workers_and_threads(options.workers, options.threads)
    curves = curves_of(options)
    more = (*(curves.arguments() if curves else ()), *(("--save-best", options.save_best) if options.save_best else ()))
    return ChildProcesses(workers, ChildOptions(options.out, threads, more))


def _print_cells(sweep: Sweep) -> None:
    from harness.progress import duration
    from harness.report.terminal import sweep_table

    rows = []
    for planned in sweep.cells:
        cell, seconds = planned.cell, sweep.estimates.seconds_of(planned.cell)
        rate = f"{cell.recipe.learning_rate:g}" if cell.recipe.trains else "-"
        about = duration(seconds) if seconds else "unknown"
        rows.append((planned.label, cell.task, rate, str(cell.seed), sweep.status[cell.key], about))
    print(sweep_table.cells_as_text(rows), end="")


def _print_results(sweep: Sweep, as_json: bool) -> int:
    """Print the results; returns the exit code."""
    from harness.comparison.entries import entries
    from harness.progress import stderr
    from harness.report.terminal import sweep_table
    from harness.scheduling.run_sweep import failures_told
    from harness.scheduling.runs_asked import runs_asked
    from harness.scheduling.sweep import name_of
    from harness.terminal import show_json

    records = sweep.records()
    chosen = entries(records)
    failures = [(name_of(planned), record) for planned, record in sweep.failures()]
    if as_json:
        show_json(sweep_table.as_json(chosen, failures))
    else:
        if chosen:
            asked = runs_asked(planned.cell for planned in sweep.cells)
            print(sweep_table.results_as_text(chosen, asked), end="")
        if failures:
            print(sweep_table.failures_as_text(failures), end="")
    if note := sweep_table.threads_note(records):
        stderr.print(f"note: {note}")
    if sentence := failures_told(sweep, "--retry-failed"):
        stderr.print(sentence)
    return 1 if failures else 0
