r"""Tables for a paper: LaTeX with booktabs, best in bold, ties marked. Needs ``\usepackage{booktabs}``."""

from __future__ import annotations

import re

from harness.plain_text import plain
from harness.report.files.tables import Cell, Table
from harness.report.ties import LEGEND, SYMBOLS

_SPECIAL = {
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


def as_latex(table: Table) -> str:
    """A ``table`` environment that a paper can ``\\input``; the notes are the caption."""
    columns = "l" * table.numbers_from + "r" * (len(table.head) - table.numbers_from)
    marks = any(cell.mark for row in table.rows for cell in row)
    caption = " ".join([f"{table.title}.", *table.notes, *([f"{LEGEND}."] if marks else [])])
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(escaped(name) for name in table.head) + r" \\",
        r"\midrule",
        *(" & ".join(_marked(cell) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX typesets as it is, on one line."""
    words = " ".join(plain(text).split())
    return re.sub("[" + re.escape("".join(_SPECIAL)) + "]", lambda found: _SPECIAL[found[0]], words)


def _marked(cell: Cell) -> str:
    text = escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.mark == "best" else text + escaped(SYMBOLS.get(cell.mark, ""))
