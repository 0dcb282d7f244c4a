"""One file per command: ``add_parser`` declares its options and names the function that runs it.

Heavy imports happen inside that function, never at the top of these files, so that help and lists are fast.
"""

import argparse
from collections.abc import Sequence
from typing import Protocol


class Commands(Protocol):
    """The commands of a parser: the result of `argparse.ArgumentParser.add_subparsers`."""

    def add_parser(
        self,
        name: str,
        *,
        parents: Sequence[argparse.ArgumentParser],
        epilog: str,
        help: str,
        description: str | None = None,
    ) -> argparse.ArgumentParser:
        """Add one command."""
