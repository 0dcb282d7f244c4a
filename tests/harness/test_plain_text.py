"""Text that is shown obeys nobody: control characters of data are written out, all other text stays as it is."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from harness.plain_text import plain


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_text_that_a_terminal_does_not_obey(text):
    shown = plain(text)
    shown.encode("utf-8")
    assert not [one for one in shown if unicodedata.category(one) == "Cc" and one not in "\t\n"]
    assert plain(shown) == shown


def test_control_characters_are_written_out_and_other_languages_stay():
    assert plain("\x1b]0;title\x07 \x9b31m \r a\tb\nc") == r"\x1b]0;title\x07 \x9b31m \r a" + "\tb\nc"
    assert plain("\u202egnp.exe \ud800") == r"\u202egnp.exe \ud800"
    for text in ("Zoë – naïve “quotes”", "東京", "שלום", "👩‍👩‍👧", "[/red] :smile: \\[b]"):
        assert plain(text) == text
