"""``python -m harness pretrain``: pretrain an encoder by masked language modelling."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from harness.commands.cell_options import add_curves_options, curves_folder, named_values
from harness.errors import InputError
from harness.store import DEFAULT_STORE, Store
from harness.values import valid_name, valid_path

EXAMPLES = """examples:
  python -m harness pretrain --model bert --corpus docstrings --tokens 10M --out pretrained/bert
  python -m harness pretrain --model avey-b --size tiny-s64 --corpus texts/ --tokens 40M --branch-at 5M,10M --out pretrained/avey-b
  python -m harness pretrain --model bert --corpus hf:HuggingFaceFW/fineweb:sample-10BT --tokens 100M --out pretrained/fineweb
"""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "pretrain",
        parents=[common],
        help="pretrain an encoder by masked language modelling",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--model", type=valid_name, required=True, help="avey-b, bert, roberta, modernbert, neobert, or a plug-in's"
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
    parser.add_argument("--tokens", required=True, metavar="N", help="length of the run, such as 10M")
    parser.add_argument("--branch-at", metavar="N,N", help="further results that branch off the trunk, such as 5M,10M")
    parser.add_argument("--seed", type=int, default=0, help="of initialisation, order and masks (default 0)")
    _add_recipe_options(parser)
    output = parser.add_argument_group("output")
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
    output.add_argument("--points", type=int, default=20, metavar="N", help="points of the held-out curve (default 20)")
    output.add_argument(
        "--checkpoint-every", type=float, default=120.0, metavar="S", help="seconds between checkpoints (default 120)"
    )
    output.add_argument("--json", action="store_true", help="print the records as JSON lines on stdout")
    add_curves_options(output)
    parser.set_defaults(command=run_pretraining)


def _add_recipe_options(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_argument_group("recipe", "the same for every encoder")
    recipe.add_argument("--lr", dest="learning_rate", type=float, help="highest learning rate (default 2e-3)")
    recipe.add_argument("--optimizer", choices=["adamw", "muon"], help="default adamw; muon is for matrices alone")
    recipe.add_argument("--batch-tokens", metavar="N", help="tokens of a step, over all processes (default 8192)")
    recipe.add_argument(
        "--rows", metavar="N[:N]", help="row length on the trunk and in the last part (default 256:512)"
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
    curves = curves_folder(argparse.Namespace(**vars(options) | {"out": options.store}))
    from harness.machine import distributed, provenance
    from harness.machine.libraries import quiet_libraries
    from harness.plain_text import plain
    from harness.pretraining import run
    from harness.progress import shown, stderr
    from harness.terminal import show_json

    request = request_of(options, provenance.fast_precision())
    stderr.quiet = not distributed.is_first()
    quiet_libraries()
    try:
        with distributed.joined(), shown() as report:
            planned = run.resolve(request, report)
            records = run.pretrain(
                planned,
                Store(options.store),
                report,
                curves / request.out.name if curves else None,
                options.checkpoint_every,
            )
    except run.BrokenRunError as error:
        if distributed.speaks_of_errors():
            print(plain(f"harness: {error}"), file=sys.stderr)
        return 1
    for record in records:
        run.say(record)
        if options.json:
            show_json(record)
    return 0


def request_of(options: argparse.Namespace, precision: Any) -> Any:
    """What the options ask for, as a `harness.pretraining.run.PretrainRequest`.

    Raises:
        InputError: a value is not usable.
    """
    from harness.pretraining.recipe import FLAGS, PretrainRecipe

    parsed = {"batch_tokens", "rows", "mask_rate", "corruption", "precision"}
    given: dict[str, Any] = {
        name: value for name in FLAGS.keys() - parsed if (value := getattr(options, name)) is not None
    }
    if options.batch_tokens:
        given["batch_tokens"] = number_of_tokens("--batch-tokens", options.batch_tokens)
    if options.rows:
        given["rows"] = _pair("--rows", options.rows, int)
    if options.mask_rate:
        given["mask_rate"] = _pair("--mask-rate", options.mask_rate, float)
    if options.corruption:
        given["corruption"] = _parts("--corruption", options.corruption, int, 3)
    recipe = PretrainRecipe(
        number_of_tokens("--tokens", options.tokens), precision=options.precision or precision, **given
    )
    if options.points < 1 or not options.checkpoint_every >= 0:
        raise InputError("--points takes at least 1, and --checkpoint-every no negative number of seconds")
    if not 0 <= options.seed < 2**32:
        raise InputError(f"--seed takes a whole number from 0 to 2**32 - 1, not {options.seed}")
    branches = tuple(number_of_tokens("--branch-at", text) for text in (options.branch_at or "").split(",") if text)
    return _request(options, recipe, branches)


def _request(options: argparse.Namespace, recipe: Any, branches: tuple[int, ...]) -> Any:
    from harness.pretraining.request import PretrainRequest

    command = ["python", "-m", "harness", "pretrain"]
    command += ["--model", options.model, "--size", options.size]
    for name in options.model_option or ():
        command += ["--model-option", name]
    for name in options.corpus:
        command += ["--corpus", name]
    command += ["--tokenizer", options.tokenizer, "--tokens", options.tokens, "--seed", str(options.seed)]
    command += ["--branch-at", options.branch_at] if options.branch_at else []
    command += [*recipe.arguments(), "--eval-tokens", options.eval_tokens, "--points", str(options.points)]
    command += ["--out", options.out]
    command += [word for plugin in options.plugin or () for word in ("--plugin", plugin)]
    return PretrainRequest(
        options.model,
        tuple(options.corpus),
        recipe,
        Path(options.out),
        options.size,
        named_values("--model-option", options.model_option, may_be_empty=False),
        options.tokenizer,
        options.seed,
        branches,
        number_of_tokens("--eval-tokens", options.eval_tokens),
        options.points,
        shlex.join(command),
    )


def number_of_tokens(option: str, text: str) -> int:
    """A number of tokens: ``8192``, ``300K``, ``10M``, ``1.5B``.

    Raises:
        InputError: the text is no such number, or not above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMB]?)", text.strip().upper())
    tokens = round(float(found[1]) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[found[2]]) if found else 0
    if tokens < 1:
        raise InputError(f"{option} takes a number of tokens such as 300K or 10M, not {text!r}")
    return tokens


def _pair(option: str, text: str, kind: type) -> Any:
    """``A:B``, or ``A`` for both."""
    return _parts(option, text if ":" in text else f"{text}:{text}", kind, 2)


def _parts(option: str, text: str, kind: type, count: int) -> Any:
    try:
        values = tuple(kind(part) for part in text.split(":"))
    except ValueError:
        values = ()
    if len(values) != count:
        raise InputError(f"{option} takes {count} numbers with a colon between them, not {text!r}")
    return values
