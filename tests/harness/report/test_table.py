"""One table, rendered for the terminal, Markdown, LaTeX and CSV: all show the same texts and marks."""

import csv
import io

import pandas as pd
import pytest
from rich.console import Console

from harness.report.table import (
    Column,
    Table,
    as_csv,
    as_latex,
    as_markdown,
    as_rich,
    frame_of,
    markdown_grid,
    shown_as_csv,
)

ROWS = [
    {"model": "a", "score": 0.5, "lr": 1e-3, "seeds": 3},
    {"model": "a", "score": 0.25, "lr": None, "seeds": None},
    {"model": "b_c", "score": float("nan"), "lr": 5e-4, "seeds": 12},
]
COLUMNS = (
    Column("model", once=True),
    Column("score", "{:.2f}", number=True, missing="?"),
    Column("lr", lambda rate: f"{rate:g}", number=True, head="rate", missing="–"),
)
TABLE = Table(
    frame_of(ROWS),
    COLUMNS,
    "t",
    "A title",
    ("a note",),
    {(0, "score"): "best", (1, "score"): "tied", (2, "score"): "unclear"},
    "the legend",
    "model",
)


def terminal(table: Table) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(as_rich(table))
    return console.file.getvalue()


def test_every_rendering_shows_the_same_texts_and_marks():
    assert markdown_grid(TABLE).splitlines() == [
        "| model | score | rate |",
        "| --- | ---: | ---: |",
        "| a | **0.50** | 0.001 |",
        "| a | 0.25 † | – |",
        "| b\\_c | ? ‡ | 0.0005 |",
    ]
    assert r"a & \textbf{0.50} & 0.001 \\" in as_latex(TABLE)
    assert r"a & 0.25\textsuperscript{$\dagger$} & -- \\" in as_latex(TABLE)
    assert r"\begin{tabular}{lrr}" in as_latex(TABLE)
    assert list(csv.reader(io.StringIO(shown_as_csv(TABLE))))[2] == ["a", "0.25", "–"]
    shown = terminal(TABLE)
    assert "0.25 †" in shown
    assert "? ‡" in shown
    assert shown.count(" a ") == 1, "the second row of a section does not repeat its first column"


@pytest.mark.parametrize("render", [as_markdown, as_latex])
def test_the_legend_is_printed_with_marks_alone(render):
    assert "the legend" in render(TABLE)
    assert "a note" in render(TABLE)
    assert "the legend" not in render(Table(TABLE.frame, COLUMNS, "t", "A title", legend="the legend"))


def test_a_frame_keeps_every_value_as_it_is():
    assert as_csv(TABLE.frame) == "model,score,lr,seeds\na,0.5,0.001,3\na,0.25,,\nb_c,,0.0005,12\n"
    assert isinstance(TABLE.frame, pd.DataFrame)


def test_a_table_without_rows_and_a_column_without_values_are_shown():
    assert markdown_grid(Table(frame_of([]), COLUMNS)).count("\n") == 1
    assert Table(frame_of([{"model": "a"}]), COLUMNS).rows[0][1].text == "?"
