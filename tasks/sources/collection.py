"""A test collection: documents, queries, and judgements of which document answers which query.

Every source of retrieval data yields one. It holds the whole corpus, including documents without judgements.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.data import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `title` may be empty."""

    title: str
    text: str

    @property
    def content(self) -> str:
        """The text to search: title and text with a blank between them, as in BEIR and MTEB."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a split.

    `judgements` are the grades of documents by id: 0 is judged and not relevant, more is more relevant. `negatives` are ids of
    documents that are hard to distinguish from the relevant ones, if the data has some for training. With `skips_own` the
    document with the query's id is left out of its ranking (see `tasks.sources.own_documents`).
    """

    id: str
    text: str
    judgements: Mapping[str, int]
    negatives: tuple[str, ...] = ()
    skips_own: bool = False

    @property
    def relevant(self) -> list[str]:
        """The documents with a grade above 0, the best first."""
        graded = sorted(self.judgements.items(), key=lambda item: -item[1])
        return [document for document, grade in graded if grade > 0]

    def skips(self, document: str) -> bool:
        """Whether the document with this id is left out of the query's ranking."""
        return self.skips_own and document == self.id


@dataclass(frozen=True)
class Collection:
    """One dataset.

    Attributes:
        documents: all documents by id, in their order.
        queries: the judged queries of every split; ``train`` and ``dev`` are empty if the benchmark has none.
        notes: problems that were found and fixed while reading, one sentence each.
        n_skipped: malformed entries that were left out at the user's request.
    """

    documents: Mapping[str, Document]
    queries: Mapping[Split, Sequence[Query]]
    notes: tuple[str, ...] = ()
    n_skipped: int = 0


@dataclass(frozen=True)
class BuiltCollection:
    """An embedded dataset, the result of its source's ``load()``.

    Attributes:
        collection: that was built.
        fingerprint: see `fingerprint`.
        versions: of the packages it was built from.
    """

    collection: Collection
    fingerprint: str
    versions: Mapping[str, str] = field(default_factory=dict)


def fingerprint(collection: Collection) -> str:
    """sha256 (hex) over documents, queries and judgements in their order."""
    digest = hashlib.sha256()
    for name, document in collection.documents.items():
        digest.update(_line("document", name, document.title, document.text))
    for split in SPLITS:
        for query in collection.queries[split]:
            judged = sorted(query.judgements.items())
            # Left out if false, so that collections without such queries keep their fingerprints.
            own = ["skips own document"] if query.skips_own else []
            digest.update(_line(split, query.id, query.text, judged, query.negatives, *own))
    return digest.hexdigest()


def _line(*values: object) -> bytes:
    return json.dumps(values, ensure_ascii=True).encode() + b"\n"
