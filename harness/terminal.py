"""Tables and lines on the terminal. Text is shown as it is, whatever it holds, and no word of a table is cut in two."""

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
"""Columns where nothing says how wide the terminal is, as in a log."""


class PlainConsole(Console):
    """A console for which a string is text: no markup, no emoji codes, no highlighting, no control characters.

    Only `rich.text.Text` carries a style, so it is made of our own words alone.
    """

    def __init__(self, **options: Any) -> None:
        # In a notebook rich would draw HTML, on stderr's behalf too.
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=True, force_jupyter=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as text, see `harness.plain_text.plain`."""
        return super().render_str(plain(text), **options)


def tolerate_any_encoding() -> None:
    """Let stdout replace characters that its encoding lacks; stderr does so by itself.

    A locale or ``PYTHONIOENCODING`` of Latin-1, cp1252 or ASCII would else end a finished run with a traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def show(text: str, end: str = "\n") -> None:
    """Print text on stdout."""
    print(plain(text), end=end, flush=True)


def show_json(value: object, indent: int | None = None) -> None:
    """Print JSON on stdout, on one line unless indented. It is ASCII: right in every encoding, no control characters."""
    print(json.dumps(value, indent=indent), flush=True)


def speaks_utf8() -> bool:
    """Whether stdout takes every character."""
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def drawn(*parts: Table | str, width: int | None = None) -> str:
    """Tables and lines as text for stdout.

    A table that is too wide is folded between words. Where words themselves do not fit side by side, its rows are
    printed one below the other.

    Args:
        *parts: from top to bottom.
        width: columns of the terminal; by default those of the one that stdout is.
    """
    width = width or shutil.get_terminal_size((_WIDTH, 24)).columns
    out = io.StringIO()
    console = PlainConsole(file=out, width=width, force_terminal=sys.stdout.isatty())
    for part in parts:
        if isinstance(part, str):
            console.print(part)
            continue
        if part.title:  # above the table and not in it, where rich would fold it to the table's width
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
    """Give every column a width that holds its longest word; false where that is too much for the terminal."""
    texts = [[_text(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    least = [max(cell_len(word) for text in column for word in (text.split() or [""])) for column in texts]
    widths = [max(cell_len(line) for text in column for line in (text.splitlines() or [""])) for column in texts]
    room = width - 3 * len(widths) - 1  # a line and two blanks a column, and the last line
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
