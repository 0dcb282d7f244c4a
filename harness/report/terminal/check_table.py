"""The table of ``harness check``: passes and failures with the measured deviation."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table


def as_json(checks: Sequence[Any]) -> str:
    """The outcomes as a JSON list."""
    return json.dumps([asdict(check) for check in checks]) + "\n"


def as_text(title: str, checks: Sequence[Any]) -> str:
    """The outcomes as a table, and a sentence that counts them."""
    table = Table("check", "", title=title, title_justify="left")
    table.add_column("measured", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("what was compared", overflow="fold")
    for check in checks:
        measured = "-" if check.measured is None else f"{check.measured:.2g}"
        verdict = "[green]pass[/]" if check.passed else "[bold red]FAIL[/]"
        table.add_row(check.name, verdict, measured, f"{check.limit:.2g}", check.detail)
    out = io.StringIO()
    console = Console(file=out, width=120, highlight=False)
    console.print(table)
    failed = sum(not check.passed for check in checks)
    console.print(f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    return out.getvalue()
