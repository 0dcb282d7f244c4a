from hypothesis import given
from hypothesis import strategies as st

from tasks.excerpt import excerpt


@given(st.text(max_size=60), st.integers(0, 60), st.integers(1, 20))
def test_an_excerpt_holds_the_place_and_is_as_long_as_asked(text, start, length):
    shown = excerpt(text, start, length)
    if len(text) <= length:
        assert shown == text
        return
    cut = shown.removeprefix("…") if not text.startswith(shown[:1]) else shown
    assert len(shown) <= length + 2
    assert cut.removesuffix("…") in text
    if start < len(text):
        assert text[start] in shown


def test_what_is_left_out_is_marked():
    assert excerpt("abcdefghij", 0, 4) == "abcd…"
    assert excerpt("abcdefghij", 5, 4) == "…defg…"
    assert excerpt("abcdefghij", 9, 4) == "…ghij"
