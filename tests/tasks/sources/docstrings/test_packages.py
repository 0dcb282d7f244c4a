"""Where docstrings come from: what is parsed, what prose is, what is cached, and what a missing package says."""

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.sources.docstrings import ner as docstrings_ner
from tasks.sources.docstrings import packages as docstrings
from tasks.sources.docstrings.parse import parse_files, source_files
from tasks.sources.docstrings.text import read_prose

MODULE = '''"""The module."""

import missing_library  # parsing imports nothing

class Shelf:
    """A shelf of `width`."""

    size: int = 3

    def __init__(self, width, *, depth=2):
        self.weight = 1

    @property
    def capacity(self):
        """What fits."""

    @staticmethod
    async def find(book, /, *where, **options):
        """Look for a book."""
        def inner():
            """Nobody's business."""

if True:
    class ShelfError(Exception):
        \'\'\'Too bad.\'\'\'
'''


@pytest.fixture
def toy(tmp_path, monkeypatch) -> Path:
    """A corpus of one installed distribution `toy` with the package `toylib`, and an empty cache."""
    (tmp_path / "toylib").mkdir()
    (tmp_path / "toylib" / "__init__.py").write_text(MODULE, encoding="utf-8")
    information = tmp_path / "toy-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(docstrings, "PACKAGES", {"toylib": ("toy", "train")})
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    docstrings._root.cache_clear()
    return tmp_path


def test_parsing_finds_docstrings_signatures_and_lines(toy):
    found = {d.qualname: d for d in docstrings.documents()["toylib"].docstrings}
    assert set(found) == {"", "Shelf", "Shelf.capacity", "Shelf.find", "ShelfError"}
    assert found["Shelf"].arguments == ("width", "depth")
    assert found["Shelf.find"].arguments == ("book", "where", "options")
    assert {name: d.kind for name, d in found.items() if name != "ShelfError"} == {
        "": "module",
        "Shelf": "class",
        "Shelf.capacity": "method",
        "Shelf.find": "method",
    }
    assert docstrings.source(found["Shelf.find"]).startswith("    @staticmethod\n    async def find(")
    assert docstrings.source(found[""]) == MODULE
    assert "toylib" not in sys.modules


def test_names_have_the_kinds_of_their_definitions(toy):
    names = docstrings.documents()["toylib"].names
    assert names["Shelf"] == {"CLASS"}
    assert names["ShelfError"] == {"EXC"}
    assert names["find"] == {"FUNC"}
    assert names["capacity"] == names["size"] == names["Shelf.weight"] == {"ATTR"}
    assert names["width"] == {"PARAM"}
    assert names["toylib"] == {"MODULE"}


def test_tests_and_vendored_code_are_skipped(tmp_path):
    for path in ("a.py", "b/c.py", "tests/d.py", "_vendor/e.py", "b/test_f.py", "b/conftest.py", "attests/g.py"):
        (tmp_path / "lib" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / path).write_text('"""Text."""')
    assert source_files(tmp_path / "lib") == ["lib/a.py", "lib/attests/g.py", "lib/b/c.py"]


def test_files_that_cannot_be_parsed_have_no_docstrings(tmp_path):
    (tmp_path / "broken.py").write_text('"""Text."""\ndef (')
    (tmp_path / "binary.py").write_bytes(b'"""\xff\xfe"""')
    (tmp_path / "generated.py").write_text('# This file was automatically generated from elsewhere\n"""Text."""')
    assert parse_files("lib", str(tmp_path), ["broken.py", "binary.py", "generated.py", "gone.py"]).docstrings == ()


NUMPYDOC = """Stack them.

Parameters
----------
books, extras : list of str
    What to stack,
    in their order.

    - first a thing
      that goes on

.. math:: x^2

.. note::
   Mind the gap.

Returns
-------
int
    How many there are::

        code()

Examples
--------
>>> stack([])
0
"""
GOOGLE = """Stack them.

    Args:
        books (`list[str]`, *optional*, defaults to `"a:b"`): What to stack,
            in their order.
        extras: More.

    Returns:
        `int`: How many.

```python
code()
```
| a | table |
"""
STACKED = ("Stack them.", "What to stack, in their order.")
SPHINX = """Stack them.

:param list books: What to stack,
    in their order.
:type books: list
:return: How many there are.
"""


@pytest.mark.parametrize(
    ("text", "paragraphs", "arguments"),
    [
        (
            NUMPYDOC,
            [*STACKED, "first a thing that goes on", "Mind the gap.", "How many there are:"],
            {"books", "extras"},
        ),
        (GOOGLE, [*STACKED, "More.", "How many."], {"books", "extras"}),
        (SPHINX, [*STACKED, "How many there are."], {"books"}),
    ],
)
def test_prose_of_the_usual_dialects(text, paragraphs, arguments):
    prose = read_prose(text)
    assert prose.paragraphs == paragraphs
    assert prose.arguments == arguments


@given(st.text(alphabet="ab`*:.-=>|# \n\t~_()", max_size=200))
def test_prose_of_anything_is_single_lines(text):
    assert all(paragraph and "\n" not in paragraph for paragraph in read_prose(text).paragraphs)


def test_prose_has_no_markup_and_no_paragraph_twice(toy):
    assert list(docstrings.prose("train")) == [
        "The module.",
        "A shelf of width.",
        "What fits.",
        "Look for a book.",
        "Too bad.",
    ]
    assert list(docstrings.prose("test")) == []


def test_a_missing_package_is_named_with_what_to_do(toy, monkeypatch):
    monkeypatch.setattr(docstrings, "PACKAGES", {"toylib": ("toy", "train"), "nolib": ("no-such-library", "test")})
    for ask in (
        docstrings.versions,
        docstrings.corpus_identity,
        docstrings_ner.load,
        lambda: next(docstrings.prose("train")),
    ):
        with pytest.raises(
            InputError, match=r"not installed: no-such-library; run `python -m pip install no-such-library`"
        ):
            ask()


def test_identity_changes_with_the_version_of_a_package(toy):
    before = docstrings.corpus_identity()
    assert before == docstrings.corpus_identity()
    (toy / "toy-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.1\n")
    assert docstrings.corpus_identity() != before


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-20], lambda whole: whole.replace(b"shelf", b"shelg"), lambda _: b""]
)
def test_a_damaged_cache_is_built_again(toy, damage):
    built = docstrings.documents()
    (file,) = (toy / "cache" / "encoder-harness").glob("docstrings-*.json")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert docstrings.documents() == built
    assert file.read_bytes() == whole


def test_the_cache_is_read_and_leaves_no_parts(toy, monkeypatch):
    built = docstrings.documents()
    monkeypatch.setattr(docstrings, "_parse_packages", None)
    assert docstrings.documents() == built
    assert not list((toy / "cache" / "encoder-harness").glob("*.part"))


def test_other_users_may_read_the_cache(toy, closed_to_others):
    docstrings.documents()
    assert list((toy / "cache").rglob("*.json"))
    assert closed_to_others(toy / "cache") == set()


def test_a_cache_that_cannot_be_written_is_no_error(toy, monkeypatch):
    (toy / "file").write_text("in the way")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(toy / "file"))
    assert docstrings.documents()["toylib"].docstrings


@pytest.fixture
def homeless(toy, monkeypatch):
    """The place of temporary files, which all users share, for a user without a home folder."""

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    shared = toy / "tmp"
    shared.mkdir()
    for name in ("HARNESS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    return shared


def test_without_a_home_the_cache_is_a_folder_of_this_user_alone(homeless):
    built = docstrings.documents()
    (folder,) = homeless.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert docstrings.cache_folder() == folder
    assert list(folder.iterdir())
    assert docstrings.documents() == built


def another_user_was_first(folder):
    if os.getuid():
        pytest.skip("needs the right to give a folder to another user")
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, -1)


@pytest.mark.parametrize(
    "occupy",
    [
        lambda folder: folder.mkdir() or folder.chmod(0o777),
        lambda folder: (folder.parent / "theirs").mkdir(mode=0o700) or folder.symlink_to(folder.parent / "theirs"),
        lambda folder: folder.symlink_to(folder.parent / "nothing"),
        lambda folder: folder.write_text("in the way"),
        another_user_was_first,
    ],
    ids=["writable by all", "a link", "a dangling link", "a file", "another user's"],
)
def test_without_a_home_a_folder_that_others_could_have_written_to_is_not_used(homeless, occupy):
    folder = docstrings.cache_folder()
    folder.rmdir()
    occupy(folder)
    before = sorted(homeless.rglob("*"))
    assert docstrings.documents()["toylib"].docstrings
    assert not docstrings.cache_folder().is_relative_to(folder)
    assert sorted(homeless.rglob("*")) == before


def test_progress_is_told_to_the_caller(toy):
    told: list[tuple[int, int]] = []
    docstrings_ner.load(lambda done, total: told.append((done, total)))
    assert told == [(1, 1), (1, 1)]
