"""Tables on the terminal: whole words at every width, plain text whatever a cell holds, ASCII where stdout is no UTF-8."""

import io
import itertools
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from harness.plain_text import plain
from harness.report.terminal import check_table, listing, sweep_table
from harness.terminal import drawn

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Mn", "Me", "Cf"]), max_size=30)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=4), st.integers(20, 160))
@example([["[/red]", "[bold]x", ":smile:"], ["\\[b]", "[link=http://x]y[/link]", "[[]]"]], 80)
def test_every_word_of_every_cell_is_whole_at_every_width(rows, width):
    table = Table("one", "two", "three")
    for row in rows:
        table.add_row(*row)
    text = drawn(table, width=width)
    for word in (word for row in rows for cell in row for word in cell.split()):
        assert word in text


def test_a_table_is_as_wide_as_the_terminal_at_most_where_its_words_fit():
    def table() -> Table:
        made = Table("name", "what it is")
        made.add_row("a/name-that-one-copies", "some words that can stand below each other " * 3)
        return made

    for width in (40, 60, 100):
        text = drawn(table(), width=width)
        assert max(map(len, text.splitlines())) <= width
        assert "a/name-that-one-copies" in text
        assert "name" in text.splitlines()[1]  # the head of a table, not a list
    assert drawn(table(), width=30).startswith("a/name-that-one-copies\n  what it is some words")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140])
def test_names_that_one_copies_are_whole_in_every_list(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    text = listing.as_text("data")
    for row in listing.data():
        assert row["dataset"] in text
        assert (row["hub_id"] or "") in text
        assert (row["revision"] or "") in text
    failure = {"status": "failed", "error": "the child was ended by SIGSEGV in a/long/path/of/something.py"}
    name = "modernbert base on retrieval/a-long-name, lr 0.0001, seed 0"
    failed = sweep_table.failures_as_text([(name, failure)])
    assert all(word in failed for word in (*name.split(), *failure["error"].split()))


def test_the_title_is_not_folded_to_the_width_of_its_table():
    table = Table("a", title="against /a/long/path/of/a/baseline.json")
    table.add_row("1")
    assert drawn(table, width=60).splitlines()[0] == "against /a/long/path/of/a/baseline.json"


def test_a_terminal_of_another_encoding_gets_tables_of_ascii_lines(monkeypatch):
    for encoding, ascii_only in (("latin-1", True), ("ascii", True), ("cp1252", True), ("utf-8", False)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        text = drawn(_styled(), width=80)
        assert text.isascii() == ascii_only


def test_cells_lines_and_titles_are_plain_text_and_only_our_own_words_have_colour(monkeypatch):
    hostile = "\x1b[31mred \x1b]0;title\x07 [/b] :x:"
    table = Table("\x1b[1mhead", title=hostile)
    table.add_row(hostile)
    text = drawn(table, hostile, width=80)
    assert "\x1b" not in text
    assert text.count(plain(hostile)) == 3
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32mpass\x1b[0m" in drawn(_styled(), width=80)


def test_a_check_says_which_failed():
    class Check:
        def __init__(self, name: str, passed: bool) -> None:
            self.name, self.passed, self.measured, self.limit, self.detail = name, passed, 1e-9, 1e-4, "[/]"

    text = check_table.as_text("[red]", [Check("padding", True), Check("gradients", False)])
    assert [word in line for word, line in itertools.product(("pass", "FAIL"), text.splitlines()[-4:-2])] == [
        True,
        False,
        False,
        True,
    ]
    assert "1 of 2 checks failed" in text


def _styled() -> Table:
    table = Table("check", "")
    table.add_row("padding", Text("pass", "green"))
    return table
