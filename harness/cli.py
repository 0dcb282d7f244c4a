"""The command line: parses, runs one command of `harness.commands`, and turns what it raises into a sentence.

Exit codes: 0 done; 1 a run or a gate failed; 2 the command or its input is wrong; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from harness.errors import InputError
from harness.machine import distributed
from harness.registry import load_plugin, suggestion

COMMANDS = (
    "list",
    "fetch",
    "run",
    "sweep",
    "check",
    "bench",
    "report",
    "compare",
    "regress",
    "import_",
    "export",
)
"""Files of `harness.commands`, in the order in which help shows them."""


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one sentence that suggest the right option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._given = args or ()
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"there is no argument {unknown[0]}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        # A misspelt option explains itself better than the required one that is missing for it.
        options = [option for action in self._actions for option in action.option_strings]
        names = [word.partition("=")[0] for word in self._given if word.startswith("--")]
        if unknown := [name for name in names if name not in options]:
            message = f"there is no option {unknown[0]}{suggestion(unknown[0], options)}"
        raise InputError(f"{message} (see {self.prog} --help)")


def run_command(arguments: Sequence[str]) -> int:
    """Parse and run one command; returns the exit code."""
    try:
        options = _parser().parse_args(arguments)
        if distributed.processes() > 1 and arguments[0] != "run":
            raise InputError(f"torchrun starts run in several processes, not {arguments[0]}; start it without torchrun")
        for plugin in options.plugin or ():
            load_plugin(plugin)
        return int(options.command(options))
    except InputError as error:
        if distributed.speaks_of_errors():
            print(f"harness: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        if distributed.speaks_of_errors():
            saved = str(stop) or "Nothing half-written is kept; run the same command again."
            print(f"Stopped. {saved}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="harness", description="Compare text encoders: one pipeline, repeatable runs, standard metrics."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument(
        "--plugin", action="append", metavar="FILE.py", help="a Python file that registers models or tasks"
    )

    for name in COMMANDS:
        importlib.import_module(f"harness.commands.{name}").add_parser(commands, common)
    return parser
