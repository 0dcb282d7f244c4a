"""What a docstring says of its parameters: every answer by offset, in both dialects."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.docstrings.parameters import flattened, parameters

NUMPY = inspect.cleandoc(
    """
    Put books on a shelf.

    Parameters
    ----------
    books : list of str, optional
        All the books that go
        on the shelf. They are sorted. Default is ``()``.
    width : {float, int}, default: 2.5
        As wide as that e.g. in metres.

        More of it.
    a, b : int
        Two at once are left out.
    *extras
        Whatever else there may be.
    depth
        How deep the shelf is

    Returns
    -------
    Shelf : object
        The shelf with all of its books.
    """
)
GOOGLE = inspect.cleandoc(
    """
    Put books on a shelf.

    Args:
        books (`List[Tuple[str, int]]`, *optional*, defaults to `None`):
            All the books that go
            on the shelf. They are sorted.
        width (float): As wide as that is
            in metres.
        depth: How deep: the shelf is.
        note (str):
            Short.

    Returns:
        shelf (Shelf): The shelf with all of its books.
    """
)


def read(text, limit=10_000):
    context = flattened(text, limit)
    return {p.name: {kind: context.text[slice(*span)] for kind, span in p.answers.items()} for p in parameters(context)}


def test_numpydoc():
    assert read(NUMPY) == {
        "books": {"type": "list of str", "description": "All the books that go\non the shelf"},
        "width": {"type": "{float, int}", "description": "As wide as that e.g. in metres", "default": "2.5"},
        "depth": {"description": "How deep the shelf is"},
    }


def test_google():
    assert read(GOOGLE) == {
        "books": {
            "type": "`List[Tuple[str, int]]`",
            "description": "All the books that go\non the shelf",
            "default": "None",
        },
        "width": {"type": "float", "description": "As wide as that is\nin metres"},
        "depth": {"description": "How deep: the shelf is"},
        "note": {"type": "str"},
    }


def test_an_entry_where_the_docstring_is_cut_is_not_read():
    cut = NUMPY.index("on the shelf. They")
    assert read(NUMPY, cut - 20) == {}


def test_a_name_that_is_documented_twice_is_left_out():
    twice = NUMPY.replace("depth\n", "books\n")
    assert "books" not in read(twice)


@pytest.mark.parametrize(
    "text", ["", "Parameters\n----------", "Args:", "Args:\n\n    x: y", "Parameters\n----------\n\n\n"]
)
def test_empty_sections_have_no_parameters(text):
    assert read(text) == {}


LINES = st.lists(
    st.sampled_from(
        [
            "Parameters",
            "----------",
            "Args:",
            "    x (int): The size of it.",
            "x : int, default 3",
            "    The size of it all.",
            "",
            "Returns",
            "  y",
            "..",
            "    x",
        ]
    )
    | st.text(max_size=12),
    max_size=14,
).map("\n".join)


@given(LINES, st.integers(0, 120))
def test_any_text_gives_answers_that_stand_in_it_without_blanks_around(text, limit):
    context = flattened(text, limit)
    assert len(context.text) <= limit
    for parameter in parameters(context):
        for start, end in parameter.answers.values():
            answer = context.text[start:end]
            assert answer
            assert answer == answer.strip()
