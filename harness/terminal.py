"""Tables and lines on the terminal. Any text is shown literally, and tables never cut words."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from rich.box import ASCII, HEAVY_HEAD
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from harness.plain_text import plain

_WIDTH = 140
"""Columns if the width of the terminal is unknown, as in a log."""


class PlainConsole(Console):
    """A console that shows strings literally: no markup, no emoji codes, no highlighting, no control characters.

    Only `rich.text.Text` has a style, and it is used only for our own words.
    """

    def __init__(self, **options: Any) -> None:
        # In a notebook rich would draw HTML, even for stderr.
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=True, force_jupyter=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as text, see `harness.plain_text.plain`."""
        return super().render_str(plain(text), **options)


def tolerate_any_encoding() -> None:
    """Make stdout replace characters that its encoding lacks, as stderr does by default.

    Otherwise a locale or ``PYTHONIOENCODING`` of Latin-1, cp1252 or ASCII would end a finished run with a traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def show(text: str, end: str = "\n") -> None:
    """Print text on stdout."""
    print(plain(text), end=end, flush=True)


def show_json(value: object, indent: int | None = None) -> None:
    """Print JSON on stdout, on one line unless indented. It is ASCII, so it works in every encoding."""
    print(json.dumps(value, indent=indent), flush=True)


def speaks_utf8() -> bool:
    """Whether stdout can encode every character."""
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def drawn(*parts: Table | str, width: int | None = None) -> str:
    """Tables and lines as text for stdout.

    A table that is too wide is folded between words. If single words do not fit side by side, its rows are printed one below
    the other.

    Args:
        *parts: from top to bottom.
        width: columns of the terminal; by default those of stdout.
    """
    width = width or shutil.get_terminal_size((_WIDTH, 24)).columns
    out = io.StringIO()
    console = PlainConsole(file=out, width=width, force_terminal=sys.stdout.isatty())
    for part in parts:
        if isinstance(part, str):
            console.print(part)
            continue
        if part.title:  # above the table, because rich would fold a title inside to the table's width
            console.print(part.title)
            part.title = None
        if _fits(part, width):
            part.box = HEAVY_HEAD if speaks_utf8() else ASCII
            console.print(part)
        else:
            for line in _stacked(part, width):
                console.print(line)
    return out.getvalue()


def _fits(table: Table, width: int) -> bool:
    """Give every column the width of its longest word; returns false if that is too much for the terminal."""
    texts = [[_text(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    least = [max(cell_len(word) for text in column for word in (text.split() or [""])) for column in texts]
    widths = [max(cell_len(line) for text in column for line in (text.splitlines() or [""])) for column in texts]
    room = width - 3 * len(widths) - 1  # a line and two blanks per column, and the last line
    if sum(least) > room:
        return False
    while sum(widths) > room:
        widest = max((n for n in range(len(widths)) if widths[n] > least[n]), key=lambda n: widths[n])
        widths[widest] -= 1
    for column, chosen in zip(table.columns, widths, strict=True):
        column.width = chosen
    return True


def _stacked(table: Table, width: int) -> Iterator[str]:
    """Every row as a paragraph: its first cell, and below it the others with the names of their columns."""
    heads = [_text(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = (" ".join(_text(cell).split()) for cell in row)
        if first:
            yield first
        facts = "; ".join(f"{head} {value}".strip() for head, value in zip(heads[1:], others, strict=True) if value)
        yield from textwrap.wrap(
            facts, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )


def _text(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else plain(str(cell))
