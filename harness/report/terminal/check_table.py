"""The table of ``harness check``: passes and failures with the measured deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.terminal import drawn


def as_text(title: str, checks: Sequence[Any]) -> str:
    """The outcomes as a table, and a sentence that counts them."""
    table = Table("check", "", title=title)
    table.add_column("measured", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("what was compared")
    for check in checks:
        measured = "-" if check.measured is None else f"{check.measured:.2g}"
        verdict = Text("pass", "green") if check.passed else Text("FAIL", "bold red")
        table.add_row(check.name, verdict, measured, f"{check.limit:.2g}", check.detail)
    failed = sum(not check.passed for check in checks)
    return drawn(table, f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
