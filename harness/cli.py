"""The command line: parses, runs one command of `harness.commands`, and prints an exception as a sentence.

Exit codes: 0 done; 1 a run or a gate failed; 2 the command or its input is wrong; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from harness.errors import InputError
from harness.machine import distributed
from harness.plain_text import plain
from harness.registry import closest, did_you_mean, load_plugins, plugin_failures
from harness.values import valid_path

COMMANDS = (
    "list",
    "fetch",
    "pretrain",
    "run",
    "score",
    "sweep",
    "ablate",
    "check",
    "bench",
    "report",
    "compare",
    "regress",
    "import_",
    "export",
)
"""Files of `harness.commands`, in the order in which help shows them."""


_LONGEST_WORD, _LONGEST_MESSAGE = 300, 1500

SYNONYMS = {
    "--lr": "lrs learning-rate learning-rates peak-lr",
    "--lrs": "lr learning-rate learning-rates peak-lr",
    "--epochs": "num-epochs n-epochs num-train-epochs",
    "--max-steps": "steps num-steps max-train-steps",
    "--train-limit": "limit max-train-samples num-samples",
    "--max-length": "length seq-len seq-length max-len max-seq-len max-seq-length",
    "--batch-size": "batch bs train-batch-size per-device-train-batch-size",
    "--precision": "dtype bf16 fp16 fp32 amp",
    "--warmup-ratio": "warmup warmup-steps",
    "--weight-decay": "wd decay",
    "--max-grad-norm": "clip grad-clip clip-grad-norm",
    "--task": "dataset",
    "--tasks": "dataset datasets",
    "--weights": "checkpoint ckpt model-path model-name-or-path pretrained",
    "--out": "output output-dir out-dir store results",
    "--data-dir": "data data-folder datasets-dir",
    "--seed": "random-seed",
    "--workers": "jobs n-jobs num-workers processes",
    "--force": "overwrite rerun",
}
"""Option -> its names in other programs."""


class _Parser(argparse.ArgumentParser):
    """argparse with one-sentence errors that suggest the right option."""

    def __init__(
        self,
        prog: str | None = None,
        description: str | None = None,
        parents: Sequence[argparse.ArgumentParser] = (),
        epilog: str | None = None,
        add_help: bool = True,
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            parents=parents,
            epilog=epilog,
            add_help=add_help,
            formatter_class=argparse.RawDescriptionHelpFormatter,  # descriptions and examples keep their lines
            allow_abbrev=False,
        )
        self._given: Sequence[str] = ()
        self.commands: Mapping[str, argparse.ArgumentParser] = {}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._given = args or ()
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"there is no argument {unknown[0]}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        # A misspelt option is a better explanation than the required one that is missing because of it.
        known = _options(self)
        names = [word.partition("=")[0] for word in self._given if word.startswith("--")]
        if unknown := [name for name in names if name not in known]:
            message = f"there is no option {unknown[0]}{self._instead(unknown[0], known)}"
        raise InputError(f"{message} (see {self.prog} --help)")

    def _instead(self, option: str, known: Sequence[str]) -> str:
        """The end of a message about an unknown option: similar options, or the commands that have it."""
        plain = option.lstrip("-").lower().replace("_", "-")
        if same := [one for one in known if one.lstrip("-") == plain or plain in SYNONYMS.get(one, "").split()]:
            return did_you_mean(same)
        if close := closest(plain, [one.lstrip("-") for one in known], cutoff=0.75):
            return did_you_mean(f"--{one}" for one in close)
        others = [name for name, command in self.commands.items() if option in _options(command)]
        return f"; these commands have it: {', '.join(others)}" if others else ""


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def run_command(arguments: Sequence[str]) -> int:
    """Parse and run one command; returns the exit code."""
    try:
        options = command_parser().parse_args(arguments)  # ends in SystemExit after --help and --version
        if distributed.processes() > 1 and arguments[0] not in ("run", "pretrain"):
            raise InputError(
                f"torchrun starts run and pretrain in several processes, not {arguments[0]}; start it without torchrun"
            )
        return _command(options)
    except InputError as error:
        distributed.let_it_speak()
        if distributed.speaks_of_errors():
            print(plain(f"harness: {_shortened(str(error))}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        if distributed.speaks_of_errors():
            saved = str(stop) or "No incomplete files are left; run the same command again."
            print(f"Stopped. {saved}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(options: argparse.Namespace) -> int:
    """Run the command that was parsed; returns its exit code.

    Raises:
        InputError: the input is wrong, or a plug-in's code raised an unexpected exception.
    """
    with plugin_failures():
        load_plugins(options.plugin or ())
        return int(options.command(options))


def _shortened(message: str) -> str:
    """A message without the middle of very long words, such as a name of 5,000 characters."""
    message = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", message)
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}..."


EXAMPLES = """examples:
  python -m harness list
  python -m harness run --model bert --task ner
  python -m harness sweep --models avey-b,bert --tasks ner --seeds 0-4
"""


def command_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with the options of every command; also for what reads commands, such as the docs."""
    parser = _Parser(
        prog="harness",
        description="Compare text encoders: one pipeline, repeatable runs, standard metrics.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument(
        "--plugin",
        action="append",
        type=valid_path,
        metavar="FILE.py",
        help="a Python file that registers models or tasks",
    )

    for name in COMMANDS:
        importlib.import_module(f"harness.commands.{name}").add_parser(commands, common)
    for command in commands.choices.values():
        command.commands = commands.choices
    return parser


class _Version(argparse.Action):
    """``--version``: the versions that decide scores, without importing torch."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="the versions of the harness, torch and Python")

    def __call__(self, parser: argparse.ArgumentParser, *others: object) -> NoReturn:
        harness, torch = (_version(package) for package in ("encoder-harness", "torch"))
        print(f"harness {harness}, torch {torch}, Python {platform.python_version()}")
        parser.exit()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
