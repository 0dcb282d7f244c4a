"""`nli/docstrings`: how a summary relates to the body of a docstring: its own, a module sibling's, or another package's.

This is relatedness, not inference: shared words decide much of it, so its scores must not be compared with those of MNLI. The
data are split by package, and no text is the body of two examples of one split, or in two splits.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tasks.sources.built import Built, built, draw, rules_identity
from tasks.sources.docstrings.markup import plain_text
from tasks.sources.docstrings.packages import SPLITS, PackageDocuments, Split, documents, pieces_of
from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.text import read_prose
from tasks.sources.docstrings.workers import Progress, shown_unless, work_through
from tasks.sources.labelled_text import LabelledText

# Increases with every change of the rules that affects the result.
VERSION = 1
RELATIONS = ("own", "same_module", "other_package")
SIZES: dict[Split, int] = {"train": 12_000, "dev": 1000, "test": 2000}
# No package is more than a quarter of its split: the test packages are small, and train would be three large ones.
SHARE_OF_A_PACKAGE = 4
SUMMARY_WORDS = range(4, 31)
BODY_WORDS = range(8, 41)

_FIRST_SENTENCE = re.compile(r"^(.*?[.!?])(?:\s|$)")


@dataclass(frozen=True, slots=True)
class _Described:
    package: str
    module: str
    id: str
    summary: str
    body: str


def identity() -> str:
    """The identity of the pairs, without building them: the sha256 (hex) of the versions of rules and packages."""
    rules = [VERSION, RELATIONS, SIZES, SHARE_OF_A_PACKAGE, SUMMARY_WORDS, BODY_WORDS]
    return rules_identity("nli", rules)


def load(progress: Progress | None = None) -> Built[LabelledText]:
    """The built set, from the cache if it was built before; building calls `progress(done, total)` or shows a bar.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    return built("nli", identity(), lambda: build(documents(progress), progress), lambda row: LabelledText(*row))


def build(found: dict[str, PackageDocuments], progress: Progress | None = None) -> dict[Split, list[LabelledText]]:
    """Pair every body with a summary, a third of them each way; ordered by split, package, file and line.

    A text that two splits share stays in the later of train, dev, test.
    """
    work = list(pieces_of(found))
    with shown_unless(progress, "read docstrings") as update:
        described = work_through(_describe_piece, [docstrings for _, docstrings in work], update)
    of_split: dict[Split, list[_Described]] = {split: [] for split in SPLITS}
    for (package, _), entries in zip(work, described, strict=True):
        of_split[package.split].extend(entries)
    kept: dict[Split, list[LabelledText]] = {}
    taken: set[str] = set()
    for split in reversed(SPLITS):
        entries = _sample(_one_of_a_kind(of_split[split], taken), SIZES[split])
        taken.update(text for entry in entries for text in (_folded(entry.summary), _folded(entry.body)))
        kept[split] = list(_pairs(entries))
    return {split: kept[split] for split in SPLITS}


def _describe_piece(docstrings: tuple[Docstring, ...]) -> list[_Described]:
    return [described for docstring in docstrings if (described := _describe(docstring))]


def _describe(docstring: Docstring) -> _Described | None:
    """The first sentence, and the prose of the paragraphs below it: as many complete ones as fit."""
    first, *others = [plain_text(paragraph) for paragraph in read_prose(docstring.text).paragraphs] or [""]
    sentence = _FIRST_SENTENCE.match(first)
    summary = sentence[1] if sentence else first
    body: list[str] = []
    for paragraph in others:
        if len(" ".join([*body, paragraph]).split()) >= BODY_WORDS.stop:
            break
        body.append(paragraph)
    text = " ".join(body)
    if len(summary.split()) not in SUMMARY_WORDS or len(text.split()) not in BODY_WORDS:
        return None
    where = f"{docstring.path}:{docstring.qualname}"
    return _Described(docstring.package, docstring.module, where, summary, text)


def _one_of_a_kind(entries: Iterable[_Described], taken: set[str]) -> list[_Described]:
    """Without entries that share their summary or body with an earlier one or with another split."""
    seen = set(taken)
    kept = []
    for entry in entries:
        texts = {_folded(entry.summary), _folded(entry.body)}
        if seen.isdisjoint(texts):
            seen |= texts
            kept.append(entry)
    return kept


def _sample(entries: Sequence[_Described], size: int) -> list[_Described]:
    """A fixed sample in the order given, of entries that have a sibling in their module."""
    siblings = Counter(entry.module for entry in entries)
    of_package: Counter[str] = Counter()
    chosen: set[str] = set()
    for entry in sorted(entries, key=lambda entry: draw(entry.id)):
        if siblings[entry.module] > 1 and of_package[entry.package] < size // SHARE_OF_A_PACKAGE and len(chosen) < size:
            of_package[entry.package] += 1
            chosen.add(entry.id)
    return [entry for entry in entries if entry.id in chosen]


def _pairs(entries: Sequence[_Described]) -> Iterator[LabelledText]:
    """Each body once. Summaries are dealt out within each relation, so that none is a distractor more often than others."""
    modules: dict[str, list[_Described]] = {}
    for entry in entries:
        modules.setdefault(entry.module, []).append(entry)
    dealt = {entry.id: rank for rank, entry in enumerate(sorted(entries, key=lambda entry: draw(entry.id, "relation")))}
    for entry in entries:
        rank = dealt[entry.id]
        relation = RELATIONS[rank % len(RELATIONS)]
        siblings = [other for other in modules[entry.module] if other.id != entry.id]
        if relation == "same_module" and not siblings:  # the sample holds no other entry of its module
            relation = RELATIONS[rank // len(RELATIONS) % 2 * 2]
        summary = entry.summary
        if relation == "same_module":
            summary = min(siblings, key=lambda other: draw(entry.id, other.id)).summary
        elif relation == "other_package":
            summary = _stranger(entry, entries).summary
        yield LabelledText(entry.body, summary, relation, entry.id)


def _stranger(entry: _Described, entries: Sequence[_Described]) -> _Described:
    """An entry of another package."""
    for attempt in range(len(entries)):
        other = entries[draw(entry.id, "stranger", str(attempt)) % len(entries)]
        if other.package != entry.package:
            return other
    raise ValueError("a split needs at least two packages")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
