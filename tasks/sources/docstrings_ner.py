"""`ner/docstrings`: the labelled sentences of the embedded corpus, one of a kind, split by package, with a fingerprint.

Entity types are those of `docstrings_labels.ENTITY_TYPES`, tags are IOB2. Scores are comparable between equal
fingerprints only: another version of a package is another dataset.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from tasks.sources.docstrings import SPLITS, PackageDocuments, corpus_identity, documents, pieces_of, versions
from tasks.sources.docstrings_cache import read_cached, write_cached
from tasks.sources.docstrings_parse import Docstring
from tasks.sources.docstrings_sentences import label_docstring
from tasks.sources.docstrings_workers import Progress, shown_unless, work_through
from tasks.sources.sentence import Sentence

# A sentence is templated when only its mentions tell it from this many earlier ones: copied models have thousands.
SENTENCES_A_PATTERN = 2

Splits = dict[str, list[Sentence]]


@dataclass(frozen=True, slots=True)
class LabelledCorpus:
    """The sentences of each split, the sha256 (hex) of all of them in order, and the versions they were built from."""

    splits: Splits
    fingerprint: str
    versions: dict[str, str]


def load(progress: Progress | None = None) -> LabelledCorpus:
    """The built set, from the cache if it was built before; building calls `progress(done, total)` or shows a bar.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    identity = corpus_identity()
    cached = read_cached("ner", identity)
    if cached is not None:
        splits = {split: [_sentence(row) for row in rows] for split, rows in cached["splits"].items()}
        return LabelledCorpus(splits, cached["fingerprint"], versions())
    splits = build(documents(progress), progress)
    digest = fingerprint(splits)
    rows_of = {split: [_row(sentence) for sentence in sentences] for split, sentences in splits.items()}
    write_cached("ner", identity, {"fingerprint": digest, "splits": rows_of})
    return LabelledCorpus(splits, digest, versions())


def build(found: dict[str, PackageDocuments], progress: Progress | None = None) -> Splits:
    """Label every package's docstrings and keep one sentence of a kind; ordered by split, package, file and line."""
    work = list(pieces_of(found))
    with shown_unless(progress, "label docstrings") as update:
        labelled = work_through(_label_piece, [(docstrings, package.names) for package, docstrings in work], update)
    of_split: Splits = {split: [] for split in SPLITS}
    for (package, _), sentences in zip(work, labelled, strict=True):
        of_split[package.split].extend(sentences)
    return deduplicate(of_split)


def deduplicate(splits: Splits) -> Splits:
    """Drop sentences whose twin is labelled otherwise, repeated ones, and templated ones.

    A sentence that two splits share stays in the later of train, dev, test, so that nothing scored was trained on.
    """
    readings: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for sentence in (sentence for sentences in splits.values() for sentence in sentences):
        readings[sentence.tokens].add(sentence.tags)
    kept: Splits = {}
    taken: set[tuple[str, ...]] = set()
    for split in reversed(SPLITS):
        certain = [sentence for sentence in splits[split] if len(readings[sentence.tokens]) == 1]
        kept[split] = list(_one_of_a_kind(certain, taken))
        taken.update(_pattern(sentence) for sentence in kept[split])
    return {split: kept[split] for split in SPLITS}


def fingerprint(splits: Splits) -> str:
    """The sha256 (hex) of every sentence's split, id, tokens and tags, in order."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for sentence in splits[split]:
            digest.update("\t".join([split, *_row(sentence)]).encode() + b"\n")
    return digest.hexdigest()


def _one_of_a_kind(sentences: Iterable[Sentence], taken: Set[tuple[str, ...]]) -> Iterator[Sentence]:
    seen: set[tuple[str, ...]] = set()
    patterns: Counter[tuple[str, ...]] = Counter()
    for sentence in sentences:
        folded = tuple(token.casefold() for token in sentence.tokens)
        pattern = _pattern(sentence)
        if folded not in seen and pattern not in taken and patterns[pattern] < SENTENCES_A_PATTERN:
            seen.add(folded)
            patterns[pattern] += 1
            yield sentence


def _pattern(sentence: Sentence) -> tuple[str, ...]:
    """The words around the mentions, and the mentions' types."""
    words = (token.casefold() if tag == "O" else tag for token, tag in zip(sentence.tokens, sentence.tags, strict=True))
    return tuple(word for word in words if not word.startswith("I-"))


def _label_piece(piece: tuple[tuple[Docstring, ...], Mapping[str, Set[str]]]) -> list[Sentence]:
    docstrings, names = piece
    return [sentence for docstring in docstrings for sentence in label_docstring(docstring, names)]


def _row(sentence: Sentence) -> list[str]:
    return [sentence.id, " ".join(sentence.tokens), " ".join(sentence.tags)]


def _sentence(row: list[str]) -> Sentence:
    id_, tokens, tags = row
    return Sentence(tuple(tokens.split(" ")), tuple(tags.split(" ")), id_)
