"""Labels: every rule on a small package written here, and what must hold of any markup and of the whole built set."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sources.built import Built
from tasks.sources.docstrings import ner as docstrings_ner
from tasks.sources.docstrings import packages as docstrings
from tasks.sources.docstrings.labels import ENTITY_TYPES
from tasks.sources.docstrings.markup import scan
from tasks.sources.docstrings.parse import Docstring, parse_files
from tasks.sources.docstrings.sentences import MAX_TOKENS, MIN_TOKENS, label_docstring
from tasks.sources.sentence import Sentence

PACKAGE = '''
LIMIT = 3

class Shelf:
    """A shelf."""

    def __init__(self, width):
        self.capacity = width

    def tidy(self, order):
        """{text}"""

class ShelfFull(Exception):
    """Raised when it is full."""

def stack(books, limit=None, *extras):
    """{text}"""

def unstack(pile):
    """Take it down."""
'''


def label(tmp_path: Path, text: str, function: str = "stack") -> list[list[tuple[str, str]]]:
    """The entities (text, type) of each kept sentence, when `text` is the docstring of `function` in the package."""
    folder = tmp_path / "library"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(PACKAGE.replace("{text}", text.replace("\n", "\n    ")), encoding="utf-8")
    parsed = parse_files("library", str(tmp_path), ["library/__init__.py"])
    names: dict[str, set[str]] = {}
    for name, kind in parsed.names:
        names.setdefault(name, set()).add(kind)
    chosen = next(d for d in parsed.docstrings if d.qualname == function)
    return [entities(sentence) for sentence in label_docstring(chosen, names)]


def entities(sentence: Sentence) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
        if tag.startswith("B-"):
            found.append((token, tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = (f"{found[-1][0]} {token}", found[-1][1])
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This returns ``None`` when all of it is gone.", [("None", "VALUE")]),
        ("The order of the shelf is ``'upside'`` by default.", [("' upside '", "VALUE")]),
        ("It falls back to `-1.5` when nothing else is known.", [("- 1.5", "VALUE")]),
        ("Every one of the `books` is put on the pile.", [("books", "PARAM")]),
        ("Every one of the :class:`books` is put on the pile.", [("books", "PARAM")]),
        ("Every one of the *books* is put on the pile.", [("books", "PARAM")]),
        ("See :func:`~library.unstack` for how to take it down.", [("unstack", "FUNC")]),
        ("See :py:meth:`the way <Shelf.tidy>` for how to tidy it.", []),
        ("What is left goes onto a :class:`.Shelf` of the library.", [("Shelf", "CLASS")]),
        ("What is left is explained in :mod:`library.attic` at length.", [("library.attic", "MODULE")]),
        ("The pile is as high as the `capacity` attribute of it allows.", [("capacity", "ATTR")]),
        ("Call the `tidy` method before anything else is put there.", [("tidy", "FUNC")]),
        ("See the `unstack` for how to take all of it down.", [("unstack", "FUNC")]),
        ("What is left goes onto a [`Shelf`] of the library.", [("Shelf", "CLASS")]),
        ("The number of them has to be an ``int`` and positive.", [("int", "CLASS")]),
        ("The shelf being full raises a ``ValueError`` in the end.", [("ValueError", "EXC")]),
        ("The same as writing ``pile + [book]`` many times over.", [("pile + [ book ]", "CODE")]),
        ("The same as with ``limit=3`` where it is given.", [("limit = 3", "CODE")]),
        ("Call `unstack()` before anything else is put on it.", [("unstack ( )", "FUNC")]),
    ],
)
def test_a_rule_gives_the_type(tmp_path, text, expected):
    assert label(tmp_path, text) == ([expected] if expected else [])


@pytest.mark.parametrize(
    "text",
    [
        "Every one of the books goes with ``None`` onto it.",  # an own argument without markup
        "The shelf_width is ``None`` when nothing else is known.",  # unmarked code
        "The DataFrame is ``None`` when nothing else is known.",
        "This is ``None`` when True comes out of the other one.",
        "This is ``None`` when the other one returns 3 of them.",
        "It is ``None`` where $x$ is one of the known numbers.",  # TeX
        r"It is ``None`` where :math:`\\alpha` is one of the numbers.",
        "It is ``None`` after calling other(it) on all of them.",
        "The `gizmo` is nothing that anyone would know about.",  # a name that nothing defines
        "The `bfgs` method is nothing that the package defines here.",
        "A :func:`Shelf` is what the package calls a class.",  # the role contradicts the definition
        "A :class:`ValueError` is not certainly one or the other.",
        "It is ``None`` for the `unclosed literal of this sentence.",
        "Both ``None``s of them are glued to something else here.",
        "It is ``None``.",  # too short
        "``None`` ``None`` ``True`` ``False`` and more.",  # mostly entities
        "This %(kind)s is ``None`` when all of it is gone.",  # a template
        ">>> stack(``None``) is what all of this is about",
        "It is a sentence with nothing marked in it at all.",
    ],
)
def test_doubt_drops_the_sentence(tmp_path, text):
    assert label(tmp_path, text) == []


def test_documented_arguments_and_attributes_count_as_own(tmp_path):
    text = (
        "Put them there.\n\nParameters\n----------\nheight : int\n    As high as the `height` says it is.\n\n"
        "Attributes\n----------\nmood : str\n    The `mood` that the whole shelf is in.\n"
    )
    assert label(tmp_path, text) == [[("height", "PARAM")], [("mood", "ATTR")]]


def test_an_attribute_of_the_own_class_is_certain_without_a_noun(tmp_path):
    text = "It is as high as the `capacity` of it allows."
    assert label(tmp_path, text, "Shelf.tidy") == [[("capacity", "ATTR")]]
    assert label(tmp_path, text, "stack") == []


def test_sentences_are_cut_where_prose_ends_and_not_inside_mentions(tmp_path):
    text = "Some of ``library. Then``, e.g. more of it. Then ``None`` is what comes out. And ``False`` is what goes in."
    assert label(tmp_path, text) == [[("library . Then", "CODE")], [("None", "VALUE")], [("False", "VALUE")]]


MARKUP = st.lists(
    st.sampled_from(
        "` `` ``` * ** :func: :class:`a` ~ ! [ ](x) < > _ . books None 'a' 1.5 x.y() :: | \\alpha é the >>>".split()  # noqa: SIM905
    )
    | st.sampled_from([" ", ". ", "\n", "\n    ", "Words of prose"])
    | st.text(max_size=8),
    max_size=30,
).map("".join)


@given(MARKUP)
def test_scanning_never_fails_and_loses_no_word(text):
    pieces = scan(text)
    assert all(piece.text for piece in pieces)
    assert all("\n" not in piece.text for piece in pieces)


@given(MARKUP)
@settings(max_examples=300)
def test_any_markup_gives_valid_tags_and_clean_tokens(text):
    docstring = Docstring("library", "library", "stack", "function", ("books",), text, "library.py", 1, 2)
    for sentence in label_docstring(docstring, {"unstack": {"FUNC"}}):
        assert len(sentence.tokens) == len(sentence.tags)
        assert MIN_TOKENS <= len(sentence.tokens) <= MAX_TOKENS
        assert not any(mark in token for token in sentence.tokens for mark in ("`", " ", "\n"))
        for previous, tag in zip(["O", *sentence.tags], sentence.tags, strict=False):
            prefix, _, kind = tag.partition("-")
            assert tag == "O" or (prefix in "BI" and kind in ENTITY_TYPES)
            assert prefix != "I" or previous[2:] == kind


def sentence(words: str, entity: str = "PARAM", id_: str = "a#0") -> Sentence:
    tokens = tuple(words.split())
    return Sentence(tokens, tuple(f"B-{entity}" if token.isupper() else "O" for token in tokens), id_)


def test_what_test_and_train_share_stays_in_test():
    shared = sentence("the X is put on the pile")
    splits = docstrings_ner.deduplicate({"train": [shared], "dev": [], "test": [shared]})
    assert splits == {"train": [], "dev": [], "test": [shared]}


def test_templated_repeated_and_contradictory_sentences_are_dropped():
    templated = [sentence(f"the {name} is put on the pile") for name in ("A", "B", "C", "D")]
    repeated = [sentence("one X there is"), sentence("One X there is")]
    contradictory = [sentence("no Y there is"), sentence("no Y there is", "FUNC")]
    train = [*templated, *repeated, *contradictory]
    kept = docstrings_ner.deduplicate({"train": train, "dev": [], "test": []})["train"]
    assert kept == [*templated[: docstrings_ner.SENTENCES_A_PATTERN], repeated[0]]


@pytest.fixture(scope="module")
def built() -> Built[Sentence]:
    return docstrings_ner.load()


def test_no_package_is_in_two_splits(built):
    packages = {split: {s.id.split("/")[0] for s in sentences} for split, sentences in built.splits.items()}
    assert not packages["train"] & packages["test"]
    assert not packages["train"] & packages["dev"]
    assert not packages["dev"] & packages["test"]
    assert set().union(*packages.values()) <= set(docstrings.PACKAGES)


def test_splits_are_large_and_have_every_type(built):
    sizes = {split: len(sentences) for split, sentences in built.splits.items()}
    assert sizes["train"] >= 15_000
    assert sizes["dev"] >= 1_000
    assert sizes["test"] >= 2_000
    for sentences in built.splits.values():
        counts = Counter(tag[2:] for s in sentences for tag in s.tags if tag.startswith("B-"))
        assert set(counts) == set(ENTITY_TYPES)
        assert min(counts.values()) >= 20


def test_ids_are_unique_and_the_fingerprint_is_of_the_sentences(built):
    for sentences in built.splits.values():
        assert len({s.id for s in sentences}) == len(sentences)
    digest = hashlib.sha256()
    for split in ("train", "dev", "test"):
        for s in built.splits[split]:
            digest.update(json.dumps([split, s.tokens, s.tags]).encode() + b"\n")
    assert built.fingerprint == digest.hexdigest()


BUILD = """
import json, os, random, sys
from pathlib import Path
listed = Path.rglob
def shuffled(folder, pattern):
    paths = list(listed(folder, pattern))
    random.shuffle(paths)
    return iter(paths)
Path.rglob = shuffled
from tasks.sources.docstrings import packages as docstrings, ner as docstrings_ner
docstrings.PACKAGES = {name: docstrings.PACKAGES[name] for name in ("filelock", "tqdm", "anyio")}
built = docstrings_ner.load()
print(json.dumps([built.fingerprint, docstrings.corpus_identity(), sum(map(len, built.splits.values()))]))
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""


def test_the_build_depends_on_no_hash_seed_locale_file_order_or_cache(tmp_path):
    found = []
    for seed, locale in (("1", "C"), ("2", "C.UTF-8")):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "PYTHONUTF8": "0",
            "HARNESS_CACHE_DIR": str(tmp_path / seed),
            "PYTHONPATH": str(Path(docstrings.__file__).parents[3]),
        }
        for _ in ("built", "cached"):
            run = subprocess.run([sys.executable, "-c", BUILD], env=environment, capture_output=True, check=True)
            found.append(json.loads(run.stdout))
    assert found[0][2] > 100
    assert all(other == found[0] for other in found)
