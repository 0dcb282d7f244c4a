"""``python -m harness ablate``: variants of an encoder, each pretrained and fine-tuned alike, beside published findings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Commands
from harness.commands.cell_options import add_data_options, named_values
from harness.commands.pretrain import add_corpus_options, add_recipe_options, recipe_of
from harness.errors import InputError
from harness.store import DEFAULT_STORE, Store
from harness.values import data_dir, valid_model, valid_name, valid_path

if TYPE_CHECKING:
    from harness.ablation.study import Outcome, Pretrain, Study
    from harness.ablation.variants import Variants
    from harness.cells.grids import Grid
    from harness.cells.recipe_field import RecipeField, RecipeValue
    from harness.pretraining.recipe import PretrainRecipe
    from harness.scheduling.executor import Executor

EXAMPLES = """examples:
  python -m harness ablate --model avey-b --corpus docstrings --tokens 10M --tasks ner,nli --seeds 0-1 --out ablations/all --dry-run
  python -m harness ablate --model avey-b --corpus texts/ --tokens 10M --tasks span --only bidirectional-ranker --out ablations/ranker
  python -m harness ablate --model bert --corpus docstrings --tokens 10M --tasks ner --vary heads=2,4,8 --out ablations/heads
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ablate",
        parents=[common],
        epilog=EXAMPLES,
        help="pretrain and fine-tune variants of an encoder, beside its paper's findings",
    )
    parser.add_argument("--model", type=valid_model, required=True, help="an encoder, or a plug-in's")
    parser.add_argument("--size", type=valid_name, default="tiny", help="of all variants (default tiny)")
    parser.add_argument(
        "--model-option", action="append", metavar="NAME=VALUE", help="a value of the config of all variants"
    )
    variants = parser.add_argument_group("variants", "default: all ablations that the encoder declares of its paper")
    variants.add_argument("--only", metavar="NAME,NAME", help="only these of the declared ablations")
    variants.add_argument(
        "--vary",
        action="append",
        metavar="NAME=V1,V2",
        help="instead: a value of the encoder's config or of the pretraining recipe, one variant per value; the baseline has the "
        "usual value if it is among them, else the first; repeatable",
    )
    _add_pretraining(parser)
    _add_fine_tuning(parser)
    _add_output(parser.add_argument_group("output"))
    parser.set_defaults(command=ablate)


def _add_output(output: argparse._ArgumentGroup) -> None:
    """Where the results go, and whether anything runs."""
    output.add_argument(
        "--out",
        type=valid_path,
        required=True,
        metavar="DIR",
        help="folder of the checkpoints and ablations.{md,csv,json}",
    )
    output.add_argument(
        "--store",
        type=valid_path,
        default=DEFAULT_STORE,
        metavar="DIR",
        help=f"store of the cells and the records of pretraining (default {DEFAULT_STORE})",
    )
    output.add_argument("--dry-run", action="store_true", help="list the variants, their cells and tokens; run nothing")
    output.add_argument("--json", action="store_true", help="print the results as one JSON line on stdout")


def _add_pretraining(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pretraining", "the same text, order and seeds for every variant")
    add_corpus_options(group)
    group.add_argument("--tokens", required=True, metavar="N", help="of every pretraining, such as 10M")
    group.add_argument(
        "--pretraining-seeds",
        default="0",
        metavar="0,1 or 0-2",
        help="of initialisation, order and masks (default 0); intervals over them need two or more",
    )
    group.add_argument("--eval-tokens", default="65536", metavar="N", help="held-out tokens (default 65536)")
    group.add_argument(
        "--checkpoint-every", type=float, default=120.0, metavar="S", help="seconds between checkpoints (default 120)"
    )
    add_recipe_options(parser)


def _add_fine_tuning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("fine-tuning", "the same tasks, learning rates and seeds for every checkpoint")
    group.add_argument("--tasks", required=True, metavar="T,U", help="FAMILY or FAMILY/DATASET, with commas")
    group.add_argument("--lrs", metavar="R,S", help="learning rates; the best is chosen on dev (default: the task's)")
    group.add_argument("--seeds", metavar="0,1 or 0-9", help="of the cells (default 0)")
    group.add_argument(
        "--fine-tuning",
        action="append",
        metavar="NAME=VALUE",
        help="a value of the recipe of fine-tuning, such as epochs=2, max_length=128 or keep_best=true",
    )
    add_data_options(parser)
    group.add_argument("--workers", type=int, metavar="N", help="cells at a time (default 1)")
    group.add_argument("--threads", type=int, metavar="T", help="of a cell (default: the processors, divided by N)")
    group.add_argument("--retry-failed", action="store_true", help="run failed cells again")


def ablate(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.machine.libraries import quiet_libraries
    from harness.progress import shown, stderr
    from harness.scheduling.local import workers_and_threads

    workers, threads = workers_and_threads(options.workers, options.threads)
    study = study_of(options)
    quiet_libraries()
    with shown() as report:
        study.check(report)
    for note in study.variants.notes:
        stderr.print(f"note: {note}")
    store = Store(options.store)
    stderr.print(_before(study))
    if options.dry_run:
        return _print_plan(study, store)
    from harness.ablation.run import run_study

    executor = _executor(options.store, workers, threads)
    return _show(run_study(study, store, _pretrain(options), executor, workers, options.retry_failed), options.json)


def _pretrain(options: argparse.Namespace) -> Pretrain:
    """How one variant is pretrained: in a process of its own, with all threads."""
    from harness.ablation.child import pretrain_in_child
    from harness.scheduling.local import workers_and_threads

    _, threads = workers_and_threads(1, options.threads)
    more = ("--store", options.store, "--checkpoint-every", str(options.checkpoint_every))
    return lambda request, tell: pretrain_in_child(request, threads, tell, more)


def _executor(store: str, workers: int, threads: int) -> Executor:
    from harness.scheduling.local import ChildOptions, ChildProcesses

    return ChildProcesses(workers, ChildOptions(store, threads))


def study_of(options: argparse.Namespace) -> Study:
    """What the options ask for.

    Raises:
        InputError: a name or a value is not usable.
    """
    from harness.ablation.study import Study
    from harness.cells.grid_values import seeds as read_seeds
    from harness.machine.provenance import fast_precision
    from harness.pretraining.recipe import number_of_tokens
    from harness.pretraining.request import PretrainRequest

    if not options.checkpoint_every >= 0:
        raise InputError("--checkpoint-every takes no negative number of seconds")
    recipe = recipe_of(options, fast_precision())
    seeds = read_seeds(options.pretraining_seeds, "seeds", "--pretraining-seeds")
    grid = _grid(options)
    variants = _variants(options, recipe)
    request = PretrainRequest(
        options.model,
        tuple(options.corpus),
        recipe,
        Path(options.out),
        size=options.size,
        tokenizer=options.tokenizer,
        eval_tokens=number_of_tokens("--eval-tokens", options.eval_tokens),
        plugins=tuple(options.plugin or ()),
    )
    return Study(request, variants, seeds, grid)


def _variants(options: argparse.Namespace, recipe: PretrainRecipe) -> Variants:
    from harness.ablation.variants import Base, published, varied
    from harness.pretraining.model import config_values
    from harness.pretraining.planned import find_tokenizer
    from models import MODELS, Encoder

    encoder = MODELS[options.model]
    if not isinstance(encoder, Encoder):
        raise InputError(f"{options.model} has no weights to pretrain; choose an encoder (see harness list)")
    given = named_values("--model-option", options.model_option, may_be_empty=False)
    values = config_values(encoder, options.size, find_tokenizer(options.tokenizer))
    base = Base(options.model, values, given, recipe)
    if options.vary is None:
        only = [name.strip() for name in options.only.split(",")] if options.only is not None else None
        return published(base, encoder.published_ablations, only)
    if options.only is not None:
        raise InputError("--only chooses among the declared ablations, which --vary replaces; leave one of them out")
    return varied(base, options.vary)


def _grid(options: argparse.Namespace) -> Grid:
    from harness.cells import grids
    from harness.commands.cell_options import names_of
    from harness.commands.sweep import rates_of

    in_environment = valid_path(folder) if (folder := data_dir()) else None
    given: dict[str, object] = {
        "models": [options.model],
        "tasks": names_of(options.tasks),
        "learning_rates": rates_of(options.lrs) if options.lrs is not None else None,
        "seeds": options.seeds,
        "data_dir": options.data_dir or in_environment,
        "skip_bad": options.skip_bad or None,
        "strict_tags": options.strict_tags or None,
        "plugins": options.plugin,
        "recipe": _fine_tuning_values(options.fine_tuning),
        "task_options": named_values("--task-option", options.task_option) or None,
    }
    (grid,) = grids.read(None, {key: value for key, value in given.items() if value is not None})
    return grid


def _fine_tuning_values(texts: list[str] | None) -> dict[str, RecipeValue]:
    """The values of ``--fine-tuning``, with the recipe's types; the grid refuses a word that none of them can be.

    Raises:
        InputError: a number is malformed.
    """
    from harness.cells.recipe import RECIPE_FIELDS

    values: dict[str, RecipeValue] = {}
    for name, text in named_values("--fine-tuning", texts, may_be_empty=False).items():
        declared = RECIPE_FIELDS.get(name)
        try:
            values[name] = _as_declared(declared, text) if declared else text
        except ValueError:
            raise InputError(f"--fine-tuning {name} takes a number, not {text!r}") from None
    return values


def _as_declared(declared: RecipeField, text: str) -> RecipeValue:
    """A text as the kind of value that a field of the recipe holds, where it is one.

    Raises:
        ValueError: the field holds numbers and the text is none.
    """
    if declared.is_switch:
        return {"true": True, "false": False}.get(text.lower(), text)
    return declared.number(text) if declared.number else text


def _before(study: Study) -> str:
    """The line about a study before it runs."""
    from harness.ablation.run import counts
    from harness.progress import counted

    found = counts(study)
    return (
        f"{counted(len(study.variants.others), 'variant')} beside the baseline, pretraining seeds "
        f"{','.join(map(str, study.pretraining_seeds))}: {found.pretrainings} pretrainings of {found.tokens:,} tokens "
        f"({found.done} done), then {found.cells} cells of fine-tuning"
    )


def _print_plan(study: Study, store: Store) -> int:
    """List what would run."""
    from harness.ablation.run import plan_rows
    from harness.report.ablations import planned_as_text

    print(planned_as_text(plan_rows(study, store)), end="")
    return 0


def _show(outcome: Outcome, as_json: bool) -> int:
    """Write the files and print the tables; returns the exit code."""
    from harness.progress import stderr
    from harness.report import ablations
    from harness.terminal import show_json

    folder = outcome.study.request.out
    try:
        files = ablations.write(outcome, folder)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); free some space and run the same command"
        ) from error
    if as_json:
        show_json(ablations.as_json(outcome))
    else:
        print(ablations.as_text(outcome), end="")
    stderr.print(f"written: {', '.join(map(str, files))}")
    if outcome.failures:
        stderr.print(
            f"{len(outcome.failures)} pretrainings and cells have no result; the same command tries pretrainings again, and "
            "failed cells with --retry-failed"
        )
    return 1 if outcome.failures else 0
