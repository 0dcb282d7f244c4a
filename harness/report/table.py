"""A table is a pandas DataFrame and how its columns are shown. It is rendered for the terminal, Markdown, LaTeX and CSV here.

Cells hold values. A `Column` says how a value becomes text, so every rendering shows the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from rich.table import Table as RichTable
from rich.text import Text

from harness.comparison.marks import Mark
from harness.plain_text import plain
from harness.report.ties import SYMBOLS

Look = Mark | Literal["strong", "good", "better", "bad", "minor"]
"""The mark of a score in all renderings; the others are colours and weights on the terminal alone."""

_STYLES: Mapping[Look, str] = {
    "best": "bold",
    "strong": "bold",
    "good": "green",
    "better": "bold green",
    "bad": "bold red",
    "minor": "dim",
}
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    SYMBOLS["tied"]: r"\textsuperscript{$\dagger$}",
    SYMBOLS["unclear"]: r"\textsuperscript{$\ddagger$}",
    "–": "--",
}


@dataclass(frozen=True)
class Column:
    """How a column of a frame is shown.

    Attributes:
        name: of the column in the frame.
        form: turns a value into text: a function, or a format such as ``"{:.4f}"``.
        number: aligned to the right, and sorted by value.
        head: printed above it; the name if not given.
        missing: the text of a missing value.
        once: on the terminal only the first row of a section shows it.
    """

    name: str
    form: str | Callable[[Any], str] = "{}"
    number: bool = False
    head: str | None = None
    missing: str = ""
    once: bool = False

    @property
    def title(self) -> str:
        """What is printed above it."""
        return self.name if self.head is None else self.head

    def text(self, value: object) -> str:
        """A value as it is shown."""
        if _is_missing(value):
            return self.missing
        return self.form.format(value) if isinstance(self.form, str) else self.form(value)


@dataclass(frozen=True)
class Cell:
    """A cell as it is shown."""

    value: object
    text: str
    look: Look = ""


@dataclass(frozen=True)
class Table:
    """A table before it is rendered.

    Attributes:
        frame: the values.
        columns: those of the frame that are shown, from left to right.
        name: can be a file's.
        title: one line.
        notes: what a reader must know, one sentence each.
        looks: by row number and column name, where a cell does not look like the others.
        legend: the meaning of the marks, printed after the notes if there are any.
        section: on the terminal a line separates rows that differ in this column.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    name: str = ""
    title: str = ""
    notes: Sequence[str] = ()
    looks: Mapping[tuple[int, str], Look] = field(default_factory=dict)
    legend: str = ""
    section: str | None = None

    @property
    def head(self) -> list[str]:
        """What is printed above the columns."""
        return [column.title for column in self.columns]

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells as they are shown."""
        shown = self.frame.reindex(columns=pd.Index([column.name for column in self.columns], dtype=object))
        return [
            [
                Cell(value, column.text(value), self.looks.get((number, column.name), ""))
                for column, value in zip(self.columns, values, strict=True)
            ]
            for number, values in enumerate(shown.itertuples(index=False, name=None))
        ]

    @property
    def all_notes(self) -> list[str]:
        """The notes, and the legend if a cell is marked."""
        return [*self.notes, *([self.legend] if self.legend and any(self.looks.values()) else [])]


def frame_of(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """A frame with a row for each mapping and a column for each key, in order of appearance.

    Every column has the dtype ``object``: whole numbers beside a missing value stay whole numbers.
    """
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    return _objects([[row.get(name) for name in names] for row in found], names)


def as_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV: numbers in full, missing values empty, and no text that a spreadsheet runs as a formula."""
    cells = [[_spreadsheet_safe(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return str(_objects(cells, map(_spreadsheet_safe, frame.columns)).to_csv(index=False, lineterminator="\n"))


def shown_as_csv(table: Table) -> str:
    """The table's texts as CSV."""
    return as_csv(_objects([[cell.text for cell in row] for row in table.rows], table.head))


def as_markdown(table: Table) -> str:
    """The table with its title and notes."""
    notes = "\n".join(f"- {_markdown(note)}" for note in table.all_notes)
    return "\n\n".join(part for part in (f"## {_markdown(table.title)}", notes, markdown_grid(table)) if part) + "\n"


def markdown_grid(table: Table) -> str:
    """The rows and columns alone."""
    lines = [
        [_markdown(name) for name in table.head],
        ["---:" if column.number else "---" for column in table.columns],
        *([_markdown_cell(cell) for cell in row] for row in table.rows),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_latex(table: Table) -> str:
    r"""A ``table`` environment that a paper can ``\input``, the notes as its caption; it needs ``\usepackage{booktabs}``."""
    caption = " ".join([f"{table.title}.", *(f"{note.rstrip('.')}." for note in table.all_notes)])
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join('r' if column.number else 'l' for column in table.columns)}}}",
        r"\toprule",
        " & ".join(_latex(name) for name in table.head) + r" \\",
        r"\midrule",
        *(" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def as_rich(table: Table) -> RichTable:
    """The table for `harness.terminal.drawn`, with its title and without its notes."""
    drawn = RichTable(title=table.title or None)
    for column in table.columns:
        drawn.add_column(column.title, justify="right" if column.number else "left")
    groups = list(table.frame[table.section]) if table.section else [None] * len(table.frame)
    for number, row in enumerate(table.rows):
        again = table.section is not None and number > 0 and groups[number] == groups[number - 1]
        if number > 0 and table.section and not again:
            drawn.add_section()
        drawn.add_row(
            *(
                "" if again and column.once else _rich_cell(cell)
                for column, cell in zip(table.columns, row, strict=True)
            )
        )
    return drawn


def _rich_cell(cell: Cell) -> str | Text:
    text = f"{cell.text} {_symbol(cell)}" if _symbol(cell) else cell.text
    return Text(plain(text), _STYLES[cell.look]) if cell.look in _STYLES else text


def _objects(rows: Sequence[Sequence[object]], names: Iterable[object]) -> pd.DataFrame:
    # pandas' own texts cannot hold every Python string, so the index is of objects as well.
    return pd.DataFrame(rows, columns=pd.Index(list(names), dtype=object), dtype=object)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value


def _spreadsheet_safe(value: object) -> object:
    """A text that begins like a formula gets an apostrophe before it, as OWASP advises (CSV injection)."""
    if not isinstance(value, str) or _is_number(value):
        return value
    return f"'{plain(value)}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else plain(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _markdown_cell(cell: Cell) -> str:
    text = _markdown(cell.text)
    return f"**{text}**" if cell.look == "best" else f"{text} {_symbol(cell)}" if _symbol(cell) else text


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no line breaks."""
    entities = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(plain(entities).split()))


def _latex_cell(cell: Cell) -> str:
    text = _latex(cell.text)
    return rf"\textbf{{{text}}}" if cell.look == "best" else text + _latex(_symbol(cell))


def _latex(text: str) -> str:
    """Text that LaTeX typesets as it is, on one line."""
    words = " ".join(plain(text).split())
    return re.sub("[" + re.escape("".join(_LATEX)) + "]", lambda found: _LATEX[found[0]], words)


def _symbol(cell: Cell) -> str:
    return SYMBOLS[cell.look] if cell.look in ("tied", "unclear") else ""
