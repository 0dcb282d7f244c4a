"""``python -m harness pretrain``: pretrain an encoder by masked language modelling."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import Commands
from harness.commands.cell_options import add_curves_options, curves_of, named_values
from harness.errors import InputError
from harness.store import DEFAULT_STORE, Store
from harness.values import valid_model, valid_name, valid_path

if TYPE_CHECKING:
    from harness.pretraining.recipe import PretrainRecipe
    from harness.pretraining.request import PretrainRequest

EXAMPLES = """examples:
  python -m harness pretrain --model bert --corpus docstrings --tokens 10M --out pretrained/bert
  python -m harness pretrain --model avey-b --size tiny-s64 --corpus texts/ --tokens 40M --branch-at 5M,10M --out pretrained/avey-b
  python -m harness pretrain --model bert --corpus hf:HuggingFaceFW/fineweb:sample-10BT --tokens 100M --out pretrained/fineweb
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "pretrain",
        parents=[common],
        help="pretrain an encoder by masked language modelling",
        epilog=EXAMPLES,
    )
    _add_what_options(parser)
    add_recipe_options(parser)
    _add_output_options(parser.add_argument_group("output"))
    parser.set_defaults(command=run_pretraining)


def _add_what_options(parser: argparse.ArgumentParser) -> None:
    """Which encoder, which text, how much of it."""
    parser.add_argument(
        "--model", type=valid_model, required=True, help="avey-b, bert, roberta, modernbert, neobert, or a plug-in's"
    )
    parser.add_argument(
        "--size", type=valid_name, default="tiny", help="tiny (default), tiny-s64 (Avey-B on short rows), base, large"
    )
    parser.add_argument(
        "--model-option",
        action="append",
        metavar="NAME=VALUE",
        help="a value of the encoder's config, instead of the size's",
    )
    add_corpus_options(parser)
    parser.add_argument("--tokens", required=True, metavar="N", help="length of the run, such as 10M")
    parser.add_argument("--branch-at", metavar="N,N", help="further results that branch off the trunk, such as 5M,10M")
    parser.add_argument("--seed", type=int, default=0, help="of initialisation, order and masks (default 0)")


def add_corpus_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """The text, and the tokenizer that cuts it."""
    parser.add_argument(
        "--corpus",
        type=valid_path,
        action="append",
        required=True,
        metavar="CORPUS",
        help="docstrings, a text file or folder of *.txt, or hf:OWNER/NAME[:CONFIG][@REV]; several are joined",
    )
    parser.add_argument(
        "--tokenizer", type=valid_path, default="embedded", help="embedded (default), a folder or a hub id"
    )


def _add_output_options(output: argparse._ArgumentGroup) -> None:
    """Where the result goes, and how often it is looked at."""
    output.add_argument(
        "--out",
        type=valid_path,
        required=True,
        metavar="DIR",
        help="folder of the checkpoint; branches get folders in it",
    )
    output.add_argument(
        "--store",
        type=valid_path,
        default=DEFAULT_STORE,
        metavar="DIR",
        help=f"store that gets the record (default {DEFAULT_STORE})",
    )
    output.add_argument(
        "--eval-tokens", default="65536", metavar="N", help="held-out tokens of a point (default 65536)"
    )
    output.add_argument(
        "--eval-rows", metavar="N,N", help="further lengths of held-out rows at which the result is scored"
    )
    output.add_argument("--points", type=int, default=20, metavar="N", help="points of the held-out curve (default 20)")
    output.add_argument(
        "--checkpoint-every", type=float, default=120.0, metavar="S", help="seconds between checkpoints (default 120)"
    )
    output.add_argument("--json", action="store_true", help="print the records as JSON lines on stdout")
    add_curves_options(output)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """One option per value of the recipe of pretraining."""
    recipe = parser.add_argument_group("recipe", "the same for every encoder")
    recipe.add_argument("--lr", dest="learning_rate", type=float, help="highest learning rate (default 2e-3)")
    recipe.add_argument("--optimizer", choices=["adamw", "muon"], help="default adamw; muon is for matrices alone")
    recipe.add_argument("--batch-tokens", metavar="N", help="tokens of a step, over all processes (default 8192)")
    recipe.add_argument(
        "--rows", metavar="N[:N]", help="row length on the trunk and in the last part (default 256:512)"
    )
    recipe.add_argument(
        "--first-rows", metavar="N:TOKENS", help="shorter rows at the start, such as 32:1M (default: none)"
    )
    recipe.add_argument(
        "--positions",
        choices=["random", "sinusoids"],
        help="how learned position vectors start (default random); see docs/pretraining.md",
    )
    recipe.add_argument(
        "--mask-rate", metavar="R[:R]", help="on the trunk, and what it falls to in the last part (default 0.3:0.15)"
    )
    recipe.add_argument("--corruption", metavar="M:R:K", help="per cent [MASK], random and kept (default 80:10:10)")
    recipe.add_argument("--warmup", type=float, metavar="SHARE", help="share of the steps (default 0.02)")
    recipe.add_argument(
        "--decay", dest="last_part", type=float, metavar="SHARE", help="last part of the run (default 0.25)"
    )
    recipe.add_argument("--weight-decay", type=float, metavar="D", help="on matrices only (default 0.1)")
    recipe.add_argument("--adam-beta1", type=float, metavar="B", help="default 0.9")
    recipe.add_argument("--adam-beta2", type=float, metavar="B", help="default 0.98")
    recipe.add_argument("--adam-epsilon", type=float, metavar="E", help="default 1e-8")
    recipe.add_argument("--max-grad-norm", type=float, metavar="N", help="default 1.0")
    recipe.add_argument("--precision", choices=["fp32", "bf16"], help="default: bf16 where the machine is fast at it")
    recipe.add_argument("--passes", type=float, metavar="N", help="how often the corpus may be read (default 4)")


def run_pretraining(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    request_of(options, "fp32")  # refuses what it can before anything heavy is imported
    curves = curves_of(argparse.Namespace(**vars(options) | {"out": options.store}))
    from harness.machine import distributed, provenance
    from harness.machine.libraries import quiet_libraries
    from harness.plain_text import plain
    from harness.pretraining import planned, result, run
    from harness.pretraining.folder import saying_what_is_saved
    from harness.progress import shown, stderr
    from harness.terminal import show_json

    request = request_of(options, provenance.fast_precision())
    stderr.quiet = not distributed.is_first()
    quiet_libraries()
    try:
        with saying_what_is_saved(request.out), distributed.joined(), shown() as report:
            records = run.pretrain(
                planned.resolve(request, report),
                Store(options.store),
                report,
                curves.of_run(request.out.name) if curves else None,
                options.checkpoint_every,
            )
    except run.BrokenRunError as error:
        distributed.let_it_speak()
        if distributed.speaks_of_errors():
            print(plain(f"harness: {error}"), file=sys.stderr)
        return 1
    for record in records:
        result.say(record)
        if options.json:
            show_json(record)
    return 0


def request_of(options: argparse.Namespace, precision: str) -> PretrainRequest:
    """What the options ask for.

    Raises:
        InputError: a value is not usable.
    """
    from harness.pretraining.recipe import number_of_tokens
    from harness.pretraining.request import PretrainRequest

    recipe = recipe_of(options, precision)
    if options.points < 1 or not options.checkpoint_every >= 0:
        raise InputError("--points takes at least 1, and --checkpoint-every no negative number of seconds")
    if not 0 <= options.seed < 2**32:
        raise InputError(f"--seed takes a whole number from 0 to 2**32 - 1, not {options.seed}")
    return PretrainRequest(
        options.model,
        tuple(options.corpus),
        recipe,
        Path(options.out),
        options.size,
        named_values("--model-option", options.model_option, may_be_empty=False),
        options.tokenizer,
        options.seed,
        tuple(number_of_tokens("--branch-at", text) for text in (options.branch_at or "").split(",") if text),
        number_of_tokens("--eval-tokens", options.eval_tokens),
        options.points,
        eval_rows=tuple(number_of_tokens("--eval-rows", text) for text in (options.eval_rows or "").split(",") if text),
        plugins=tuple(options.plugin or ()),
    )


def recipe_of(options: argparse.Namespace, precision: str) -> PretrainRecipe:
    """The recipe that the options of `add_recipe_options` and ``--tokens`` ask for.

    Args:
        options: as parsed.
        precision: where the user gave none.

    Raises:
        InputError: a value is not usable.
    """
    from harness.pretraining.recipe import FLAGS, PretrainRecipe, number_of_tokens, read_value

    given: dict[str, Any] = {name: value for name in FLAGS if (value := getattr(options, name)) is not None}
    given = {name: read_value(name, value) if isinstance(value, str) else value for name, value in given.items()}
    return PretrainRecipe(number_of_tokens("--tokens", options.tokens), **({"precision": precision} | given))
