"""`retrieval/needle`: every document gives the value for one key somewhere in its prose; a query asks for a key.

Like the passkey task of LongEmbed (Zhu et al., 2024), it shows which details of a long text an embedding keeps. The prose of a
document comes from the packages of its split; the documents of all splits are one pool. bm25 matches words exactly and so
finds every key; the difference from its score is what an embedding loses.
"""

import numpy as np

from harness.errors import InputError
from tasks.sources.built import draw, rules_identity
from tasks.sources.collection import BuiltCollection, Collection, Document, Query, fingerprint
from tasks.sources.docstrings.packages import SPLITS, Split, versions
from tasks.sources.haystack import Haystack, from_docstrings
from tasks.sources.needles import key_value, new_numbers, new_words

VERSION = 1
SIZES: dict[Split, int] = {"train": 3000, "dev": 300, "test": 1000}
OPTIONS = ("document_words",)
"""The options of the task that affect this collection."""
WORDS = range(16, 65_537)


def identity(document_words: str) -> str:
    """The identity of the collection, without building it: the sha256 (hex) of the versions of rules and packages.

    Raises:
        InputError: the number of words is not valid.
    """
    return rules_identity("needle corpus", [VERSION, SIZES, _words(document_words)])


def load(document_words: str) -> BuiltCollection:
    """The built collection.

    Args:
        document_words: words of each document, including its needle.

    Raises:
        InputError: the number of words is not valid, or a package of the corpus is not installed.
    """
    collection = build(from_docstrings(), _words(document_words))
    return BuiltCollection(collection, fingerprint(collection), versions())


def build(haystacks: dict[Split, Haystack], words: int, sizes: dict[Split, int] = SIZES) -> Collection:
    """Documents with exactly this number of words, each with the needle of its query at its own depth."""
    documents: dict[str, Document] = {}
    queries: dict[Split, list[Query]] = {split: [] for split in SPLITS}
    every = Haystack(tuple(sentence for split in SPLITS for sentence in haystacks[split].sentences))
    random = np.random.default_rng(draw("needle corpus", str(VERSION)))
    keys = new_words(random, sum(sizes.values()), every)
    for split in SPLITS:
        for number in range(sizes[split]):
            question, statement = key_value(keys.pop(), new_numbers(random, 1, every)[0])
            documents[f"{split}-{number}"] = Document("", _document(haystacks[split], statement.text, words, random))
            queries[split].append(Query(f"{split}-{number}", question, {f"{split}-{number}": 1}))
    return Collection(documents, queries)


def _document(haystack: Haystack, statement: str, words: int, random: np.random.Generator) -> str:
    """A stretch of prose with the statement between two of its sentences, or at the beginning or end."""
    left = words - len(statement.split())
    parts: list[str] = []
    start = int(random.integers(len(haystack.sentences)))
    while left > 0:
        sentence = haystack.sentences[(start + len(parts)) % len(haystack.sentences)].split()[:left]
        parts.append(" ".join(sentence))
        left -= len(sentence)
    parts.insert(int(random.integers(len(parts) + 1)), statement)
    return " ".join(parts)


def _words(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) in WORDS):
        raise InputError(f"document_words takes a whole number from {WORDS.start} to {WORDS.stop - 1}, not {text!r}")
    return int(text)
