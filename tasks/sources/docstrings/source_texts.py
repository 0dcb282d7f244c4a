"""The embedded corpus as documents: the docstrings and comments of a source file, in the order of its lines.

Only packages of the embedded tasks' train split are trained on. The held-out part comes from packages of their dev split, of
which nothing is trained on; packages that an embedded task tests on are not read at all.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.sources.docstrings import packages as docstrings
from tasks.sources.docstrings.cache import read_cached, write_cached
from tasks.sources.docstrings.markup import plain_text
from tasks.sources.docstrings.text import read_prose
from tasks.sources.docstrings.workers import shown_unless, work_through

RULES = "docstrings and comments, version 1"
HELD_OUT_SHARE = 0.02
"""The held-out part is at most this share of the trained text, so that it weighs in a mixture as its corpus does."""

MIN_WORDS = 6
"""A shorter comment is rarely a sentence."""

MIN_LETTERS = 0.75
"""Share of letters below which a comment is rather code, a table or a rule of dashes."""

_FILES_A_PIECE = 60
_COMMENT = re.compile(r"\s*#+[!:]?\s?(.*)")
_NOT_PROSE = re.compile(
    r"copyright|licen[sc]ed? |all rights reserved|noqa|pragma:|pylint:|mypy:|type:|fmt:|-\*-|==|->|\w\(.*\)|\w\[.*\]",
    re.IGNORECASE,
)


def identity() -> str:
    """sha256 (hex) over the rules and the versions of the packages."""
    return hashlib.sha256(f"{RULES} {docstrings.corpus_identity()}".encode()).hexdigest()


def texts(split: docstrings.Split) -> list[str]:
    """One document for each source file of the packages of a split, package by package, from the cache if read before."""
    name = f"pretraining-{split}"
    cached = read_cached(name, identity())
    if cached is None:
        with shown_unless(None, f"read {split} docstrings and comments") as update:
            files = work_through(_read_piece, list(_pieces(split)), update)
        cached = _without_repetition([paragraphs for piece in files for paragraphs in piece])
        write_cached(name, identity(), cached)
    return list(cached)


def held_out_texts(trained: Sequence[str]) -> list[str]:
    """The held-out part: a fixed draw of documents of the dev packages.

    Args:
        trained: the documents of the train packages, of which it is a share.
    """
    left = HELD_OUT_SHARE * sum(map(len, trained))
    found = []
    for text in sorted(texts("dev"), key=lambda text: hashlib.sha256(text.encode()).digest()):
        if left > 0:
            found.append(text)
        left -= len(text)
    return found


@dataclass(frozen=True)
class _Piece:
    """Files of one package, and for each the first line and text of its docstrings."""

    root: str
    paths: tuple[str, ...]
    found: tuple[tuple[tuple[int, str], ...], ...]


def _pieces(split: docstrings.Split) -> Iterator[_Piece]:
    for name, package in docstrings.documents().items():
        if package.split != split:
            continue
        of_path: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for docstring in package.docstrings:
            of_path[docstring.path].append((docstring.first_line, docstring.text))
        root, paths = docstrings.own_files(name)
        for start in range(0, len(paths), _FILES_A_PIECE):
            chosen = tuple(paths[start : start + _FILES_A_PIECE])
            yield _Piece(str(root), chosen, tuple(tuple(of_path[path]) for path in chosen))


def _read_piece(piece: _Piece) -> list[list[str]]:
    read = []
    for path, found in zip(piece.paths, piece.found, strict=True):
        placed = [(line, text) for line, docstring in found for text in read_prose(docstring).paragraphs]
        try:
            source = Path(piece.root, path).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            source = ""
        placed += comments(source)
        read.append([plain_text(text) for _, text in sorted(placed, key=lambda one: one[0])])
    return read


def comments(source: str) -> list[tuple[int, str]]:
    """The comments of a source file that are prose, each with its first line: neighbouring lines are one comment."""
    if "#" not in source:
        return []
    in_strings = _lines_in_strings(source)
    found: list[tuple[int, list[str]]] = []
    last = -1
    for number, line in enumerate(source.splitlines(), start=1):
        comment = None if number in in_strings else _COMMENT.fullmatch(line)
        text = comment[1].strip() if comment else ""
        if not text:
            continue
        if number != last + 1:
            found.append((number, []))
        found[-1][1].append(text)
        last = number
    joined = ((number, " ".join(lines)) for number, lines in found)
    return [(number, text) for number, text in joined if _is_prose(text)]


def _is_prose(text: str) -> bool:
    signs = re.sub(r"\s", "", text)
    letters = sum(sign.isalpha() for sign in signs)
    return len(text.split()) >= MIN_WORDS and letters >= MIN_LETTERS * len(signs) and not _NOT_PROSE.search(text)


def _lines_in_strings(source: str) -> set[int]:
    """Numbers of the lines after the first of every string literal: a ``#`` there begins no comment."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escape sequences
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set(range(1, source.count("\n") + 2))
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr))
    spans = ((node.lineno, node.end_lineno or node.lineno) for node in strings)
    return {line for first, last in spans for line in range(first + 1, last + 1)}


def _without_repetition(files: Sequence[Sequence[str]]) -> list[str]:
    """The files as documents without paragraphs that an earlier one has, such as licence headers and copied text."""
    seen: set[str] = set()
    documents = []
    for paragraphs in files:
        new = [text for text in dict.fromkeys(paragraphs) if text and text not in seen]
        seen.update(new)
        if new:
            documents.append("\n".join(new))
    return documents
