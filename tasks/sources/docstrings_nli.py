"""`nli/docstrings`: how a summary relates to the body of a docstring: its own, a module sibling's, or another package's.

Relatedness, not inference: words that both share decide much of it, so its scores never stand beside those of MNLI. Split by
package, and no text is in two examples of one split as the body, nor in two splits.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tasks.sources.docstrings import SPLITS, PackageDocuments, Split, corpus_identity, documents, pieces_of, versions
from tasks.sources.docstrings_cache import read_cached, write_cached
from tasks.sources.docstrings_markup import plain_text
from tasks.sources.docstrings_parse import Docstring
from tasks.sources.docstrings_text import read_prose
from tasks.sources.docstrings_workers import Progress, shown_unless, work_through
from tasks.sources.labelled_text import LabelledText
from tasks.sources.splits import fingerprint

# Counts up with every change of the rules that changes what is built.
VERSION = 1
RELATIONS = ("own", "same_module", "other_package")
SIZES: dict[Split, int] = {"train": 12_000, "dev": 1000, "test": 2000}
# No package is more than a quarter of its split: the test packages are small, and train would be three large ones.
SHARE_OF_A_PACKAGE = 4
SUMMARY_WORDS = range(4, 31)
BODY_WORDS = range(8, 41)
NOTES = (
    "nli/docstrings is relatedness, not inference: chance is 0.33, and counts of shared words alone reach about 0.58; "
    "its scores do not compare with those of MNLI",
)

_FIRST_SENTENCE = re.compile(r"^(.*?[.!?])(?:\s|$)")


@dataclass(frozen=True, slots=True)
class BuiltPairs:
    """The pairs of each split, the sha256 (hex) of all of them in order, and the versions they were built from."""

    splits: dict[Split, list[LabelledText]]
    fingerprint: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Described:
    package: str
    module: str
    id: str
    summary: str
    body: str


def identity() -> str:
    """What decides the pairs, without building them: the sha256 (hex) of the rules' and the packages' versions."""
    rules = [VERSION, RELATIONS, SIZES, SHARE_OF_A_PACKAGE, SUMMARY_WORDS, BODY_WORDS]
    return hashlib.sha256(f"nli {rules} {corpus_identity()}".encode()).hexdigest()


def load(progress: Progress | None = None) -> BuiltPairs:
    """The built set, from the cache if it was built before; building calls `progress(done, total)` or shows a bar.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    decides = identity()
    cached = read_cached("nli", decides)
    if cached is None:
        splits = build(documents(progress), progress)
        rows = {split: [[p.text, p.pair, p.label, p.id] for p in pairs] for split, pairs in splits.items()}
        cached = {"fingerprint": fingerprint(splits), "splits": rows}
        write_cached("nli", decides, cached)
    return BuiltPairs(
        {s: [LabelledText(*row) for row in cached["splits"][s]] for s in SPLITS}, cached["fingerprint"], versions()
    )


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
    """The first sentence, and the prose of the paragraphs below it, as many whole ones as fit."""
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
    for entry in sorted(entries, key=lambda entry: _draw(entry.id)):
        if siblings[entry.module] > 1 and of_package[entry.package] < size // SHARE_OF_A_PACKAGE and len(chosen) < size:
            of_package[entry.package] += 1
            chosen.add(entry.id)
    return [entry for entry in entries if entry.id in chosen]


def _pairs(entries: Sequence[_Described]) -> Iterator[LabelledText]:
    """Each body once. Summaries are dealt out within each relation, so that none is a distractor more often than others."""
    modules: dict[str, list[_Described]] = {}
    for entry in entries:
        modules.setdefault(entry.module, []).append(entry)
    dealt = {
        entry.id: rank for rank, entry in enumerate(sorted(entries, key=lambda entry: _draw(entry.id, "relation")))
    }
    for entry in entries:
        rank = dealt[entry.id]
        relation = RELATIONS[rank % len(RELATIONS)]
        siblings = [other for other in modules[entry.module] if other.id != entry.id]
        if relation == "same_module" and not siblings:  # the sample left it alone in its module
            relation = RELATIONS[rank // len(RELATIONS) % 2 * 2]
        summary = entry.summary
        if relation == "same_module":
            summary = min(siblings, key=lambda other: _draw(entry.id, other.id)).summary
        elif relation == "other_package":
            summary = _stranger(entry, entries).summary
        yield LabelledText(entry.body, summary, relation, entry.id)


def _stranger(entry: _Described, entries: Sequence[_Described]) -> _Described:
    """An entry of another package."""
    for attempt in range(len(entries)):
        other = entries[_draw(entry.id, "stranger", str(attempt)) % len(entries)]
        if other.package != entry.package:
            return other
    raise ValueError("a split needs two packages at least")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _draw(*parts: str) -> int:
    """A number that looks random and depends on nothing but the words."""
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8], "big")
