"""The table of ``harness check``: passes and failures with the measured deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.table import Column, Look, Table, as_rich, frame_of
from harness.terminal import drawn

if TYPE_CHECKING:
    from harness.conformance.check import Check

_COLUMNS = (
    Column("check"),
    Column("outcome", head=""),
    Column("measured", "{:.2g}", number=True, missing="-"),
    Column("limit", "{:.2g}", number=True),
    Column("what was compared"),
)


def as_text(title: str, checks: Sequence[Check]) -> str:
    """The outcomes as a table, and a sentence that counts them."""
    rows = (
        {
            "check": check.name,
            "outcome": "pass" if check.passed else "FAIL",
            "measured": check.measured,
            "limit": check.limit,
            "what was compared": check.detail,
        }
        for check in checks
    )
    looks: dict[tuple[int, str], Look] = {
        (number, "outcome"): "good" if check.passed else "bad" for number, check in enumerate(checks)
    }
    table = Table(frame_of(rows), _COLUMNS, title=title, looks=looks)
    failed = sum(not check.passed for check in checks)
    counted = f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed"
    return drawn(as_rich(table), counted)
