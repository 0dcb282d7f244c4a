"""A test collection: documents, queries, and judgements of which document answers which query.

What every source of retrieval data yields. The documents are all there are: those that no judgement names take part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.task import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `title` may be empty."""

    title: str
    text: str

    @property
    def content(self) -> str:
        """What is searched: title and text with a blank between, as BEIR and MTEB have it."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a split.

    `judgements` are the grades of documents by id: 0 is judged and not relevant, more is more relevant. `negatives` are
    ids of documents that are hard to tell from the relevant ones, where the data names some to train with. `skips_own` says
    that the document with the query's id takes no part in its ranking (see `tasks.sources.own_documents`).
    """

    id: str
    text: str
    judgements: Mapping[str, int]
    negatives: tuple[str, ...] = ()
    skips_own: bool = False

    @property
    def relevant(self) -> list[str]:
        """The documents of a grade above 0, the best first."""
        graded = sorted(self.judgements.items(), key=lambda item: -item[1])
        return [document for document, grade in graded if grade > 0]

    def skips(self, document: str) -> bool:
        """Whether the document of this id takes no part in the query's ranking."""
        return self.skips_own and document == self.id


@dataclass(frozen=True)
class Collection:
    """One dataset.

    Attributes:
        documents: all documents by id, in their order.
        queries: the judged queries of every split; ``train`` and ``dev`` are empty where the benchmark has none.
        notes: what was found and mended on the way, one sentence each.
        n_skipped: malformed entries that were left out because the user said so.
    """

    documents: Mapping[str, Document]
    queries: Mapping[Split, Sequence[Query]]
    notes: tuple[str, ...] = ()
    n_skipped: int = 0


@dataclass(frozen=True)
class BuiltCollection:
    """An embedded dataset, as the ``load()`` of its source gives it.

    Attributes:
        collection: what was built.
        fingerprint: see `fingerprint`.
        versions: of what it was built from.
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
            # Absent where it is false, so that collections without such queries keep their fingerprints.
            own = ["skips own document"] if query.skips_own else []
            digest.update(_line(split, query.id, query.text, judged, query.negatives, *own))
    return digest.hexdigest()


def _line(*values: object) -> bytes:
    return json.dumps(values, ensure_ascii=True).encode() + b"\n"
