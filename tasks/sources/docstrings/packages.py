"""The embedded corpus: docstrings of the packages that every installation of the harness has.

Each package belongs to one split. A split by file would leak, because files of one package share their phrases; packages that
share text (a library and the one that vendors, wraps or imitates it) share a split for the same reason. The standard library
is left out, because its text depends on the Python that runs the harness.
"""

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from harness.errors import InputError
from tasks.sources.docstrings.cache import cache_folder, read_cached, write_cached
from tasks.sources.docstrings.markup import plain_text
from tasks.sources.docstrings.parse import Docstring, ParsedFiles, parse_files, source_files
from tasks.sources.docstrings.text import read_prose
from tasks.sources.docstrings.workers import Progress, shown_unless, work_through

__all__ = [
    "PACKAGES",
    "SPLITS",
    "Docstring",
    "PackageDocuments",
    "cache_folder",
    "corpus_identity",
    "documents",
    "own_files",
    "prose",
    "source",
    "versions",
]

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

# Increases with every change of the rules that affects the result.
BUILDER_VERSION = 5

# Import name -> (distribution, split). Only what is installed with the harness on every platform and has prose of its
# own: no compiled or optional dependency, no test tool, nothing that one platform alone needs.
PACKAGES: dict[str, tuple[str, Split]] = {
    "accelerate": ("accelerate", "train"),
    "click": ("click", "train"),
    "datasets": ("datasets", "train"),
    "dill": ("dill", "train"),
    "huggingface_hub": ("huggingface-hub", "train"),
    "matplotlib": ("matplotlib", "train"),
    "mteb": ("mteb", "train"),
    "multiprocess": ("multiprocess", "train"),
    "numpy": ("numpy", "train"),
    "pandas": ("pandas", "train"),
    "pygments": ("pygments", "train"),
    "rich": ("rich", "train"),
    "scipy": ("scipy", "train"),
    "sentence_transformers": ("sentence-transformers", "train"),
    "sklearn": ("scikit-learn", "train"),
    "sympy": ("sympy", "train"),
    "torch": ("torch", "train"),
    "tqdm": ("tqdm", "train"),
    "transformers": ("transformers", "train"),
    "contourpy": ("contourpy", "dev"),
    "dateutil": ("python-dateutil", "dev"),
    "filelock": ("filelock", "dev"),
    "fontTools": ("fonttools", "dev"),
    "fsspec": ("fsspec", "dev"),
    "joblib": ("joblib", "dev"),
    "markdown_it": ("markdown-it-py", "dev"),
    "mpmath": ("mpmath", "dev"),
    "packaging": ("packaging", "dev"),
    "pydantic": ("pydantic", "dev"),
    "requests": ("requests", "dev"),
    "urllib3": ("urllib3", "dev"),
    "PIL": ("pillow", "test"),
    "anyio": ("anyio", "test"),
    "jinja2": ("jinja2", "test"),
    "narwhals": ("narwhals", "test"),
    "networkx": ("networkx", "test"),
    "polars": ("polars", "test"),
    "pyparsing": ("pyparsing", "test"),
}

_FILES_A_PIECE = 60
_DOCSTRINGS_A_PIECE = 600


@dataclass(frozen=True, slots=True)
class PackageDocuments:
    """A package's docstrings in the order of its files and lines, and the possible kinds of each name that it defines.

    The kinds of name are the entity types FUNC, CLASS, ATTR, MODULE, EXC, PARAM, and NAME for a variable of a module.
    """

    package: str
    split: Split
    docstrings: tuple[Docstring, ...]
    names: dict[str, frozenset[str]]


def versions() -> dict[str, str]:
    """The installed version of every distribution of the corpus; raises InputError if some are missing."""
    found, missing = {}, []
    for distribution, _ in PACKAGES.values():
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            missing.append(distribution)
    if missing:
        raise InputError(_missing(missing))
    return dict(sorted(found.items()))


def corpus_identity() -> str:
    """The identity of the built corpus, without building it: the sha256 (hex) of builder and package versions."""
    installed = versions()
    lines = [f"{package} {name} {installed[name]} {split}" for package, (name, split) in sorted(PACKAGES.items())]
    return hashlib.sha256("\n".join([f"builder {BUILDER_VERSION}", *lines]).encode()).hexdigest()


def documents(progress: Progress | None = None) -> dict[str, PackageDocuments]:
    """Every package's docstrings by import name, from the cache if they were parsed before.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    identity = corpus_identity()
    parsed = read_cached("docstrings", identity)
    if parsed is None:
        with shown_unless(progress, "parse docstrings") as update:
            parsed = _parse_packages(update)
        write_cached("docstrings", identity, parsed)
    return {package: _from_plain(package, plain) for package, plain in parsed.items()}


def prose(split: Split) -> Iterator[str]:
    """The split's distinct docstrings as plain paragraphs without code, tables or markup, by package, file and line.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    seen: set[str] = set()
    for paragraph in _paragraphs(split):
        if paragraph not in seen:
            seen.add(paragraph)
            yield paragraph


def source(docstring: Docstring) -> str:
    """The source code that the docstring documents, decorators included; all of the file for a module."""
    lines = _lines(docstring.package, docstring.path)
    return "".join(lines[docstring.first_line - 1 : docstring.last_line] if docstring.kind != "module" else lines)


def own_files(package: str) -> tuple[Path, list[str]]:
    """The folder that holds the package, and the package's own source files relative to it.

    Raises:
        InputError: the package is not installed.
    """
    root = _root(package)
    return root, source_files(root / package)


def pieces_of(found: dict[str, PackageDocuments]) -> Iterator[tuple[PackageDocuments, tuple[Docstring, ...]]]:
    """The corpus in pieces of equal work, in its order."""
    for package in found.values():
        for start in range(0, len(package.docstrings), _DOCSTRINGS_A_PIECE):
            yield package, package.docstrings[start : start + _DOCSTRINGS_A_PIECE]


def _paragraphs(split: Split) -> list[str]:
    identity = corpus_identity()
    cached = read_cached(f"prose-{split}", identity)
    if cached is None:
        chosen = {name: package for name, package in documents().items() if package.split == split}
        texts = [tuple(docstring.text for docstring in piece) for _, piece in pieces_of(chosen)]
        with shown_unless(None, f"read {split} prose") as update:
            cached = [paragraph for found in work_through(_plain_paragraphs, texts, update) for paragraph in found]
        write_cached(f"prose-{split}", identity, cached)
    return list(cached)


def _plain_paragraphs(texts: tuple[str, ...]) -> list[str]:
    found = (plain_text(paragraph) for text in texts for paragraph in read_prose(text).paragraphs)
    return [paragraph for paragraph in found if paragraph]


Plain = dict[str, list[list[object]]]


def _parse_packages(progress: Progress) -> dict[str, Plain]:
    work = [piece for package in sorted(PACKAGES) for piece in _files_in_pieces(package)]
    parsed: dict[str, Plain] = {package: {"docstrings": [], "names": []} for package in sorted(PACKAGES)}
    for (package, _, _), files in zip(work, work_through(_parse_piece, work, progress), strict=True):
        parsed[package]["docstrings"].extend(list(astuple(docstring))[1:] for docstring in files.docstrings)
        parsed[package]["names"].extend([name, kind] for name, kind in files.names)
    return parsed


def _files_in_pieces(package: str) -> Iterator[tuple[str, str, list[str]]]:
    root, paths = own_files(package)
    for start in range(0, len(paths), _FILES_A_PIECE):
        yield package, str(root), paths[start : start + _FILES_A_PIECE]


def _parse_piece(piece: tuple[str, str, list[str]]) -> ParsedFiles:
    return parse_files(*piece)


def _from_plain(package: str, plain: Plain) -> PackageDocuments:
    names: dict[str, set[str]] = {}
    for name, kind in plain["names"]:
        names.setdefault(str(name), set()).add(str(kind))
    docstrings = tuple(
        Docstring(package, module, qualname, kind, tuple(arguments), text, path, first_line, last_line)  # type: ignore
        for module, qualname, kind, arguments, text, path, first_line, last_line in plain["docstrings"]
    )
    return PackageDocuments(package, PACKAGES[package][1], docstrings, {n: frozenset(k) for n, k in names.items()})


@lru_cache(maxsize=8)
def _lines(package: str, path: str) -> list[str]:
    """A file's lines; docstrings come file by file."""
    return (_root(package) / path).read_text(encoding="utf-8-sig").splitlines(keepends=True)


@cache
def _root(package: str) -> Path:
    """The folder that holds the package; finding it imports nothing."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    if not locations:
        raise InputError(_missing([PACKAGES[package][0]]))
    return Path(next(iter(locations))).parent


def _missing(distributions: list[str]) -> str:
    names = " ".join(distributions)
    return f"the embedded corpus reads packages that are not installed: {names}; run `python -m pip install {names}`"
