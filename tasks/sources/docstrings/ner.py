"""`ner/docstrings`: the distinct labelled sentences of the embedded corpus, split by package, with a fingerprint.

Entity types are those of `labels.ENTITY_TYPES`, tags are IOB2. Scores are comparable only between equal fingerprints:
another version of a package is another dataset.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from tasks.sources.built import Built, built
from tasks.sources.docstrings.packages import SPLITS, PackageDocuments, Split, corpus_identity, documents, pieces_of
from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.sentences import label_docstring
from tasks.sources.docstrings.workers import Progress, shown_unless, work_through
from tasks.sources.sentence import Sentence

# A sentence is templated if only its mentions distinguish it from this many earlier ones: copied models have thousands.
SENTENCES_A_PATTERN = 2

Splits = dict[Split, list[Sentence]]


def load(progress: Progress | None = None) -> Built[Sentence]:
    """The built set, from the cache if it was built before; building calls `progress(done, total)` or shows a bar.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    return built("ner", corpus_identity(), lambda: build(documents(progress), progress), _sentence)


def build(found: dict[str, PackageDocuments], progress: Progress | None = None) -> Splits:
    """Label every package's docstrings and keep one of equal sentences; ordered by split, package, file and line."""
    work = list(pieces_of(found))
    with shown_unless(progress, "label docstrings") as update:
        labelled = work_through(_label_piece, [(docstrings, package.names) for package, docstrings in work], update)
    of_split: Splits = {split: [] for split in SPLITS}
    for (package, _), sentences in zip(work, labelled, strict=True):
        of_split[package.split].extend(sentences)
    return deduplicate(of_split)


def deduplicate(splits: Splits) -> Splits:
    """Drop sentences whose twin has other labels, repeated ones, and templated ones.

    A sentence that two splits share stays in the later of train, dev, test, so that no scored sentence was trained on.
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


def _sentence(row: list[list[str]]) -> Sentence:
    tokens, tags, id_ = row
    return Sentence(tuple(tokens), tuple(tags), str(id_))
