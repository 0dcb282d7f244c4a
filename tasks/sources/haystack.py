"""Haystacks: running prose in which needles are hidden, one per split, from the embedded docstrings or a folder of texts.

A haystack repeats: inputs that are longer than its text read it again from the beginning, as in the first tests of this kind
(Kamradt, 2023).
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.errors import InputError
from tasks.data import SPLITS, DatasetInfo, Split
from tasks.sources.formats.locate import is_folder, locate
from tasks.sources.splits import read_bytes

CONSONANTS, VOWELS, LAST_LETTERS = "bdfgklmnprstvz", "aeiou", "lmnrst"
"""A hidden word has three syllables of a consonant and a vowel, and a last letter; a hidden number has five digits."""

MIN_WORDS = 64
"""A split with fewer is too short for a haystack: any needle would be most of the input."""

SHARES: Mapping[Split, float] = {"train": 0.4, "dev": 0.2, "test": 0.4}
"""Shares of the splits of a folder of texts; test has the longest inputs."""

MAX_WORDS = 40
"""Longer sentences are cut, so that there is a place for a needle near every depth."""

# A lookahead, so that overlapping matches are found too.
_ANSWER = re.compile(rf"(?=((?:[{CONSONANTS}][{VOWELS}]){{3}}[{LAST_LETTERS}]|[0-9]{{5}}))")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


@dataclass(frozen=True, eq=False)
class Haystack:
    """The sentences of one split, in their order."""

    sentences: tuple[str, ...]

    def read(self, start: int, characters: int) -> list[str]:
        """Sentences from the one at `start` on, with at least this many characters together; after the last comes the first."""
        found, length = list[str](), 0
        while length <= characters:
            found.append(self.sentences[(start + len(found)) % len(self.sentences)])
            length += len(found[-1]) + 1
        return found

    @cached_property
    def n_words(self) -> int:
        """Words in all."""
        return sum(len(sentence.split()) for sentence in self.sentences)

    @cached_property
    def taken(self) -> frozenset[str]:
        """Every stretch of the text, in lower case, that could be a hidden word or number."""
        different = dict.fromkeys(word for sentence in self.sentences for word in sentence.casefold().split())
        return frozenset(_ANSWER.findall("\n".join(different)))

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over the sentences."""
        digest = hashlib.sha256()
        for sentence in self.sentences:
            digest.update(sentence.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()


@dataclass(frozen=True)
class Texts:
    """The texts of the haystacks.

    Attributes:
        haystacks: one for each split.
        origin: ``embedded`` or a folder, for people.
        versions: of the packages that embedded texts were read from.
    """

    haystacks: Mapping[Split, Haystack]
    origin: str
    versions: Mapping[str, str]


class TextSource(Protocol):
    """The source of the texts of the haystacks."""

    def identity(self, rules: tuple[int, ...]) -> str:
        """The identity of needles that are hidden in these texts by these rules.

        Raises:
            InputError: there is no text, or one cannot be read.
        """
        ...

    def read(self) -> Texts:
        """Read the texts.

        Raises:
            InputError: a text cannot be read, or all of them are too short.
        """
        ...


@dataclass(frozen=True)
class EmbeddedTexts:
    """The prose of the embedded corpus."""

    def identity(self, rules: tuple[int, ...]) -> str:
        """See `TextSource.identity`: a digest of the rules and of package versions."""
        from tasks.sources.built import rules_identity

        return rules_identity("needle", rules)

    def read(self) -> Texts:
        """See `TextSource.read`."""
        from tasks.sources.docstrings.packages import versions

        return Texts(from_docstrings(), "embedded", versions())


@dataclass(frozen=True)
class FolderTexts:
    """The ``*.txt`` of a folder."""

    folder: Path

    def identity(self, rules: tuple[int, ...]) -> str:
        """See `TextSource.identity`: the rules and a digest of the texts."""
        return " ".join([*map(str, rules), folder_identity(self.folder)])

    def read(self) -> Texts:
        """See `TextSource.read`."""
        return Texts(from_folder(self.folder), str(self.folder), {})


def find_texts(dataset: str, datasets: Mapping[str, DatasetInfo], data_dir: str | None) -> TextSource:
    """The texts that ``needle/dataset`` reads.

    They are in ``data_dir/needle/dataset`` if there is such a folder, else in ``data_dir`` itself if that holds texts and the
    dataset is a declared one. A data folder that only holds other datasets does not affect the declared ones.

    Raises:
        InputError: the dataset is neither declared nor in the data folder, or the data folder does not exist or is empty.
    """
    if data_dir is not None:
        root = Path(data_dir)
        own = root / "needle" / dataset
        if dataset in datasets and is_folder(root) and not is_folder(own):
            others_only = not text_files(root) and any(entry.is_dir() for entry in root.iterdir())
            return EmbeddedTexts() if others_only else FolderTexts(root)
        datasets = {}
    place = locate("needle", dataset, datasets, data_dir)
    return FolderTexts(place) if isinstance(place, Path) else EmbeddedTexts()


def text_files(folder: Path) -> list[Path]:
    """The ``*.txt`` of a folder, by name."""
    return sorted(path for path in folder.glob("*.txt") if path.is_file())


def folder_identity(folder: Path) -> str:
    """sha256 (hex) over the texts of a folder in the order of their names.

    Raises:
        InputError: there is no text, or one cannot be read.
    """
    digest = hashlib.sha256()
    for file in _some_files(folder):
        content = read_bytes(file)
        digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()


def from_docstrings() -> dict[Split, Haystack]:
    """The prose of the embedded corpus, split by package.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    from tasks.sources.docstrings import packages as docstrings

    return {split: haystack(docstrings.prose(split)) for split in SPLITS}


def from_folder(folder: Path) -> dict[Split, Haystack]:
    """The texts of a folder, split by file; fewer than three files are joined and split by sentence.

    Raises:
        InputError: there is no text, one is not UTF-8, or they are too short to hide needles in.
    """
    files = _some_files(folder)
    texts = [_text(file) for file in files]
    units = [list(_sentences([text])) for text in texts]
    units = [unit for unit in units if unit]
    if len(units) < len(SPLITS):
        units = [[sentence] for unit in units for sentence in unit]
    parts = _divide([sum(map(len, unit)) for unit in units]) if len(units) >= len(SPLITS) else [range(0)] * len(SPLITS)
    found: dict[Split, Haystack] = {}
    for split, part in zip(SPLITS, parts, strict=True):
        found[split] = Haystack(tuple(itertools.chain.from_iterable(units[place] for place in part)))
        if found[split].n_words < MIN_WORDS:
            raise InputError(
                f"{folder} gives the {split} split only {found[split].n_words} words, and a needle is hidden among at least "
                f"{MIN_WORDS}; add longer texts (*.txt)"
            )
    return found


def haystack(paragraphs: Iterable[str]) -> Haystack:
    """A haystack of paragraphs."""
    return Haystack(tuple(_sentences(paragraphs)))


def _sentences(paragraphs: Iterable[str]) -> Iterator[str]:
    """Sentences of at most `MAX_WORDS` words, single blanks between them."""
    for paragraph in paragraphs:
        for sentence in _SENTENCE_END.split(paragraph):
            words = sentence.split()
            for start in range(0, len(words), MAX_WORDS):
                yield " ".join(words[start : start + MAX_WORDS])


def _divide(sizes: Sequence[int]) -> list[range]:
    """Consecutive parts with about the shares of train, dev and test, each with at least one unit."""
    passed = list(itertools.accumulate(sizes))
    cuts, wanted = [0], 0.0
    for left, split in zip((2, 1), SPLITS, strict=False):  # the number of splits after this one
        wanted += SHARES[split] * passed[-1]
        ends = range(cuts[-1] + 1, len(sizes) - left + 1)
        cuts.append(min(ends, key=lambda end: abs(passed[end - 1] - wanted)))
    return [range(start, end) for start, end in itertools.pairwise([*cuts, len(sizes)])]


def _some_files(folder: Path) -> Collection[Path]:
    files = text_files(folder)
    if not files:
        raise InputError(f"{folder} holds no *.txt to hide needles in; put plain texts there, or leave --data-dir out")
    return files


def _text(file: Path) -> str:
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not UTF-8 text (byte {error.start} cannot be read); save it as UTF-8 or take it out"
        ) from error
