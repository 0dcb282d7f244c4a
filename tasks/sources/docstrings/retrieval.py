"""`retrieval/docstrings`: from the first sentence of a docstring to the source of the function that it describes.

Code search as in CodeSearchNet (Husain et al., 2019): a document is a function's source without its docstring, with its own
name masked, because names often repeat the summary. Queries are split by package; the documents of all splits are one pool
that every query searches.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import dedent

from tasks.sources.built import Built, built, draw, rules_identity
from tasks.sources.collection import BuiltCollection, Collection, Document, Query, fingerprint
from tasks.sources.docstrings.markup import plain_text
from tasks.sources.docstrings.packages import SPLITS, PackageDocuments, Split, documents, pieces_of, source
from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.text import read_prose
from tasks.sources.docstrings.workers import Progress, shown_unless, work_through

# Increases with every change of the rules that affects the result.
VERSION = 1
SIZES: dict[Split, int] = {"train": 6000, "dev": 500, "test": 1000}
# No package is more than a quarter of its split, as in the other datasets built from docstrings.
SHARE_OF_A_PACKAGE = 4
SUMMARY_WORDS = range(4, 41)
CODE_LINES = range(3, 201)
MASK = "_"

_FIRST_SENTENCE = re.compile(r"^(.*?[.!?])(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Function:
    """A function's summary and its source, without docstring and with its own name masked."""

    id: str
    summary: str
    code: str


def identity() -> str:
    """The identity of the collection, without building it: the sha256 (hex) of the versions of rules and packages."""
    return rules_identity("retrieval", [VERSION, SIZES, SHARE_OF_A_PACKAGE, SUMMARY_WORDS, CODE_LINES, MASK])


def load(progress: Progress | None = None) -> BuiltCollection:
    """The built collection, from the cache if it was built before; building calls `progress(done, total)` or shows a bar.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    found: Built[Function] = built(
        "retrieval", identity(), lambda: build(documents(progress), progress), lambda row: Function(*row)
    )
    pool = {one.id: Document("", one.code) for split in SPLITS for one in found.splits[split]}
    queries = {
        split: [Query(f"q:{one.id}", one.summary, {one.id: 1}) for one in found.splits[split]] for split in SPLITS
    }
    collection = Collection(pool, queries)
    return BuiltCollection(collection, fingerprint(collection), found.versions)


def build(found: dict[str, PackageDocuments], progress: Progress | None = None) -> dict[Split, list[Function]]:
    """The functions of each split, by package, file and line.

    No summary and no source is in two functions; one that two splits share stays in the later of train, dev, test.
    """
    work = list(pieces_of(found))
    with shown_unless(progress, "read functions") as update:
        described = work_through(_functions, [docstrings for _, docstrings in work], update)
    of_split: dict[Split, list[tuple[str, Function]]] = {split: [] for split in SPLITS}
    for (package, _), functions in zip(work, described, strict=True):
        of_split[package.split].extend((package.package, function) for function in functions)
    kept: dict[Split, list[Function]] = {}
    taken: set[str] = set()
    for split in reversed(SPLITS):
        kept[split] = _sample(_one_of_a_kind(of_split[split], taken), SIZES[split])
        taken.update(text for function in kept[split] for text in _texts(function))
    return {split: kept[split] for split in SPLITS}


def masked_source(code: str) -> str | None:
    """A function's source without its docstring and with its own name masked everywhere in it.

    Args:
        code: the definition, decorators included, with any indentation.

    Returns:
        ``None`` if the function has only a docstring, or Python cannot parse it.
    """
    code = dedent(code)
    try:
        function = ast.parse(code).body[0]
    except (SyntaxError, ValueError, IndexError):
        return None
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    if ast.get_docstring(function, clean=False) is not None:
        docstring, *body = function.body
        if not body:
            return None
        lines = code.splitlines(keepends=True)
        del lines[docstring.lineno - 1 : docstring.end_lineno]
        code = "".join(lines)
    return re.sub(rf"\b{re.escape(function.name)}\b", MASK, code).strip()


def _functions(docstrings: tuple[Docstring, ...]) -> list[Function]:
    return [function for docstring in docstrings if (function := _function(docstring))]


def _function(docstring: Docstring) -> Function | None:
    name = docstring.qualname.rpartition(".")[2]
    if docstring.kind not in ("function", "method") or name.startswith("__"):
        return None
    first, *_ = [plain_text(paragraph) for paragraph in read_prose(docstring.text).paragraphs] or [""]
    sentence = _FIRST_SENTENCE.match(first)
    summary = sentence[1] if sentence else first
    if len(summary.split()) not in SUMMARY_WORDS:
        return None
    code = masked_source(source(docstring))
    if code is None or len(code.splitlines()) not in CODE_LINES:
        return None
    return Function(f"{docstring.path}:{docstring.qualname}", summary, code)


def _one_of_a_kind(entries: Iterable[tuple[str, Function]], taken: set[str]) -> list[tuple[str, Function]]:
    """Without functions that share their summary or source with an earlier one or with another split."""
    seen = set(taken)
    kept = []
    for package, function in entries:
        if seen.isdisjoint(_texts(function)):
            seen.update(_texts(function))
            kept.append((package, function))
    return kept


def _sample(entries: list[tuple[str, Function]], size: int) -> list[Function]:
    """A fixed sample in the order given."""
    of_package: Counter[str] = Counter()
    chosen: set[str] = set()
    for package, function in sorted(entries, key=lambda entry: draw(entry[1].id)):
        if of_package[package] < size // SHARE_OF_A_PACKAGE and len(chosen) < size:
            of_package[package] += 1
            chosen.add(function.id)
    return [function for _, function in entries if function.id in chosen]


def _texts(function: Function) -> tuple[str, str]:
    return " ".join(function.summary.casefold().split()), " ".join(function.code.split())
