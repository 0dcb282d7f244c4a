"""``python -m harness export``: runs in the forms that other programs read."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Commands, run, score
from harness.commands.cell_options import add_store_option
from harness.errors import InputError
from harness.text_file import write_whole
from harness.values import valid_name, valid_path

if TYPE_CHECKING:
    from harness.store import RunRecord, Store

EXAMPLES = """examples:
  python -m harness export model-index results/runs/bert-base_ner-conll2003_* --model-name my-org/my-bert
  python -m harness export predictions 3f2a9c --to exports
  python -m harness export latex
"""
DEFAULT_FOLDER = "exports"
CARD = "model-index"


@dataclass(frozen=True)
class Chosen:
    """What is exported.

    Attributes:
        runs: finished runs.
        store: that they are in.
        on_problem: names a damaged record, see `harness.store.Store.records`.
    """

    runs: Sequence[RunRecord]
    store: Store
    on_problem: Callable[[str], None]


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export",
        parents=[common],
        epilog=EXAMPLES,
        help="write runs for other programs: a model card, predictions and scores as CSV, LaTeX, MTEB's JSON; a store to publish",
        description="model-index prints test scores as the metadata of a model card: runs that differ in their seed become a median "
        "with its interval. predictions writes predictions.csv per run, results one results.csv of all runs, latex the tables of a "
        "paper, and mteb retrieval runs as mteb writes its results. store writes a store to publish, without texts and paths.",
    )
    parser.add_argument(
        "runs",
        type=valid_path,
        nargs="+",
        metavar="RUN",
        help=f"{', '.join((CARD, *KINDS))} (default {CARD}), then folders of runs or keys of runs in the store; "
        f"all runs if none is given, except for {CARD}",
    )
    parser.add_argument(
        "--model-name", type=valid_name, metavar="NAME", help="name on the card (default: the name in the runs)"
    )
    parser.add_argument(
        "--to",
        type=valid_path,
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help=f"folder of the files (default {DEFAULT_FOLDER})",
    )
    add_store_option(parser)
    parser.set_defaults(command=export)


def export(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.exchange.model_index import find_run
    from harness.progress import tell_problem
    from harness.store import Store
    from harness.terminal import show

    kind, *names = options.runs if options.runs[0] in (CARD, *KINDS) else [CARD, *options.runs]
    store = Store(options.out)
    if kind == CARD:
        if not names:
            raise InputError("a model card is of chosen runs; name their folders or keys after model-index")
        _print_card([find_run(name, store) for name in names], options.model_name)
        return 0
    tell_once = cache(tell_problem)  # every kind of record names all damaged files
    runs = [find_run(name, store) for name in names] or list(store.records(on_problem=tell_once))
    if not runs:
        raise InputError(f"the store at {options.out} has no finished run to export; --out names a store")
    try:
        files = KINDS[kind](Chosen(runs, store, tell_once), Path(options.to))
    except OSError as error:
        raise InputError(
            f"nothing can be written to {options.to} ({error.strerror}); choose another folder with --to"
        ) from error
    for file in files:
        show(str(file))
    return 0


def _print_card(records: Sequence[RunRecord], name: str | None) -> None:
    from harness.exchange.model_index import front_matter
    from harness.progress import stderr
    from harness.store.record_file import encoded

    card = f"---\n{front_matter(records, name, repeats)}---\n"
    for record in records:
        if record.get("command") and not repeats(record):
            stderr.print(
                f"note: the command in the record {record['key']} does not ask for this run, so it is not on the card"
            )
    sys.stdout.buffer.write(encoded(card))  # a card is a UTF-8 file, independent of the terminal's encoding
    sys.stdout.buffer.flush()


def repeats(record: RunRecord) -> bool:
    """Whether this version understands the command in a record, and the command asks for the run of the record."""
    from harness.store.record import architecture_of

    try:
        words = shlex.split(record.get("command", ""))
        options, unknown = _parser_of_cells().parse_known_args(words[3:])
    except (ValueError, InputError, argparse.ArgumentError, argparse.ArgumentTypeError, SystemExit):
        return False
    if words[:3] != ["python", "-m", "harness"] or unknown:
        return False
    if options.task.partition("/")[0] != record["task"]["name"]:
        return False
    if options.command is not run.run_cell:
        return "trained" in record  # the rest is in the checkpoint
    request, recipe = run.request_of(options), record["recipe"]
    model = record["model"]
    same = request.model in (architecture_of(model), model["weights"]) and request.seed == record["seed"]
    return same and all(recipe.get(name) == value for name, value in request.recipe.items())


def _parser_of_cells() -> argparse.ArgumentParser:
    """Parses the commands that records hold."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--plugin", action="append", type=valid_path)
    commands = parser.add_subparsers(required=True)
    for command in (run, score):
        command.add_parser(commands, common)
    return parser


def _predictions(chosen: Chosen, folder: Path) -> list[Path]:
    from harness.report.files.exports import predictions
    from harness.report.table import as_csv

    store = chosen.store
    store.check_predictions(chosen.runs)
    files = []
    for record in chosen.runs:
        file = folder / store.folder_of(record).name / "predictions.csv"
        content = as_csv(predictions(store.all_predictions(record)))
        file.parent.mkdir(parents=True, exist_ok=True)
        files.append(write_whole(file, content))
    return files


def _results(chosen: Chosen, folder: Path) -> list[Path]:
    from harness.exchange.published import published
    from harness.report.files.exports import write_results

    return [write_results([published(record) for record in chosen.runs], folder / "results.csv")]


def _latex(chosen: Chosen, folder: Path) -> list[Path]:
    from harness.exchange.published import published
    from harness.report.comparable import comparisons
    from harness.report.files.exports import write_latex
    from harness.report.ties import Ties

    return write_latex(comparisons([published(record) for record in chosen.runs], Ties(chosen.store)), folder)


def _mteb(chosen: Chosen, folder: Path) -> list[Path]:
    from harness.exchange.mteb import write
    from harness.progress import stderr
    from harness.store.record import is_trial
    from tasks import TASKS

    ranked = [
        one for one in chosen.runs if one["task"]["name"] in TASKS and TASKS[one["task"]["name"]].head in RANKINGS
    ]
    if not ranked:
        raise InputError("none of the runs is of retrieval, and mteb's format is for retrieval only")
    trials = ", ".join(chosen.store.folder_of(record).name for record in ranked if is_trial(record))
    whole = [record for record in ranked if not is_trial(record)]
    if not whole:
        raise InputError(
            f"every run is a trial, which mteb's format cannot mark; run again without --test-limit: {trials}"
        )
    if trials:
        stderr.print(f"note: trials (--test-limit) are left out, because mteb's format cannot mark them: {trials}")
    return [write(record, folder / "mteb") for record in whole]


def _store(chosen: Chosen, folder: Path) -> list[Path]:
    from harness.exchange.without_texts import copy
    from harness.store import Store

    store, target = chosen.store, Store(folder / "runs")
    if target.folder.resolve() == store.folder.resolve():
        raise InputError(f"{target.folder} is the store itself; choose another folder with --to")
    return copy([*chosen.runs, *store.records("pretraining", chosen.on_problem)], store, target)


RANKINGS = ("embedding", "mteb")
"""Heads whose scores MTEB has too."""
Write = Callable[[Chosen, Path], list[Path]]
KINDS: Mapping[str, Write] = {
    "predictions": _predictions,
    "results": _results,
    "latex": _latex,
    "mteb": _mteb,
    "store": _store,
}
"""What is written into files, and how."""
