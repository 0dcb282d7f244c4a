"""Sources of test collections: built on this machine, a folder in BEIR's format, or repositories on the hub."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from harness.errors import InputError
from tasks.data import Data, DatasetInfo
from tasks.sources.collection import BuiltCollection, Collection, Document, fingerprint
from tasks.sources.formats import beir
from tasks.sources.hub import beir as beir_hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.hub.rows import resolve_revision
from tasks.sources.own_documents import Rule, marked, may_hold_own
from tasks.sources.tables import judged
from tasks.sources.tables.source import FolderPlace, HubPlace
from tasks.sources.tables.splits import choose

BUILDERS = {
    "docstrings": "tasks.sources.docstrings.retrieval",
    "needle": "tasks.sources.needle_corpus",
}
"""The modules that build the embedded collections, see `Builder`."""
SKIPPING = " skipping own documents"
"""Suffix of the identity of data whose scores changed when queries began to skip their own documents."""


@dataclass(frozen=True)
class SearchableData(Data):
    """See `Data`; the examples are queries.

    Attributes:
        documents: the whole corpus, by id.
    """

    documents: Mapping[str, Document] = field(default_factory=dict)


class CollectionSource(Protocol):
    """The source of one collection; see `tasks.family.Source`."""

    def identity(self) -> str:
        """The identity of the collection, without reading it all."""
        ...

    def has_training(self) -> bool:
        """Whether there are queries to train on."""
        ...

    def load(self, skip_bad: bool = False) -> SearchableData:
        """Read the collection.

        Raises:
            InputError: it cannot be read, an entry is malformed, or there is no test query.
        """
        ...


class Builder(Protocol):
    """A module that builds a collection. Both functions take the options of the task in ``OPTIONS``, if it has any."""

    identity: Callable[..., str]
    load: Callable[..., BuiltCollection]


@dataclass(frozen=True)
class BuiltSource:
    """An embedded collection.

    Attributes:
        name: of the dataset.
        options: of the task.
        rule: which queries skip the document with their id.
    """

    name: str
    options: Mapping[str, str]
    rule: Rule

    def identity(self) -> str:
        """See `CollectionSource.identity`: a digest of the rules and of package versions."""
        return self._builder().identity(**self._building())

    def has_training(self) -> bool:
        """See `CollectionSource.has_training`: always."""
        return True

    def load(self, skip_bad: bool = False) -> SearchableData:
        """See `CollectionSource.load`; no entry that is built here is malformed."""
        built = self._builder().load(**self._building())
        collection = marked(built.collection, self.rule)
        digest = built.fingerprint if collection is built.collection else fingerprint(collection)
        return _data(collection, "embedded", digest, built.versions)

    def _builder(self) -> Builder:
        module: Builder = importlib.import_module(BUILDERS[self.name])
        return module

    def _building(self) -> dict[str, str]:
        return {name: self.options[name] for name in getattr(self._builder(), "OPTIONS", ())}


@dataclass(frozen=True)
class FolderCollection:
    """A folder in BEIR's format.

    Attributes:
        path: the folder.
        rule: which queries skip the document with their id.
    """

    path: Path
    rule: Rule

    def identity(self) -> str:
        """See `CollectionSource.identity`: a digest of the files."""
        return beir.identity(self.path) + (SKIPPING if self._skips_own() else "")

    def has_training(self) -> bool:
        """See `CollectionSource.has_training`."""
        return beir.has_train(self.path)

    def load(self, skip_bad: bool = False) -> SearchableData:
        """See `CollectionSource.load`."""
        collection = beir.load(self.path, skip_bad)
        collection = replace(collection, notes=(*copied_notes(self.path), *collection.notes))
        collection = marked(collection, self.rule)
        return _data(collection, str(self.path), fingerprint(collection))

    def _skips_own(self) -> bool:
        """Whether any query skips its own document; the judgements are read only if one may."""
        found = beir.files(self.path)
        if not may_hold_own(found["corpus"], found["queries"], self.rule):
            return False
        queries = marked(beir.load(self.path, skip_bad=True), self.rule).queries.values()
        return any(query.skips_own for some in queries for query in some)


@dataclass(frozen=True)
class HubCollection:
    """A declared collection on the Hugging Face hub.

    Attributes:
        info: declares repositories, commits and files.
        rule: which queries skip the document with their id.
    """

    info: DatasetInfo
    rule: Rule

    def identity(self) -> str:
        """See `CollectionSource.identity`: the commits; the hub is asked only for those that are not declared."""
        qrels = beir_hub.judgements_of(self.info)
        return f"{self.info.hub_id}@{resolve_revision(self.info)}{f' {qrels}' if qrels else ''} {self.info.name}"

    def has_training(self) -> bool:
        """See `CollectionSource.has_training`: whether the declared judgements include those of train."""
        return "train" in self.info.hub_options.get("qrels", {"train": ""})

    def load(self, skip_bad: bool = False) -> SearchableData:
        """See `CollectionSource.load`; the origin contains the commit that was read."""
        collection, revision = beir_hub.load(self.info, skip_bad)
        collection = marked(_judged_by(collection, beir_hub.judgements_of(self.info)), self.rule)
        return _data(collection, f"{self.info.hub_id}@{revision}", fingerprint(collection))


@dataclass(frozen=True)
class TableCollection:
    """A collection of tables: documents, queries and judgements, or pairs of query and passage.

    Attributes:
        place: of the tables.
        options: of the task, which name columns and splits.
        rule: which queries skip the document with their id.
    """

    place: FolderPlace | HubPlace
    options: Mapping[str, str]
    rule: Rule

    @property
    def format(self) -> str:
        """Of the files, for people."""
        return self.place.format

    def identity(self) -> str:
        """See `CollectionSource.identity`; judgements in a repository of their own count, too."""
        qrels = self.place.qrels()
        return f"{self.place.identity()}{f' {qrels.identity()}' if qrels else ''}"

    def has_training(self) -> bool:
        """See `CollectionSource.has_training`: whether there is a split to train on; of pairs, always."""
        parts = self._parts()
        return parts is None or "train" in choose(parts.qrels, self.options, self.place.origin)

    def load(self, skip_bad: bool = False) -> SearchableData:
        """See `CollectionSource.load`."""
        parts = self._parts()
        if parts:
            found = judged.collection(parts, self.options, skip_bad, self.place.origin)
        else:
            found = judged.of_pairs(self.place.tables(), self.options, skip_bad)
        found = replace(found, notes=(*self.place.notes, *found.notes))
        qrels = self.place.qrels()
        found = marked(_judged_by(found, qrels.origin if isinstance(qrels, HubPlace) else ""), self.rule)
        return _data(found, self.place.origin, fingerprint(found))

    def _parts(self) -> judged.Parts | None:
        return judged.parts(self.place)


def _judged_by(collection: Collection, qrels: str) -> Collection:
    """The collection with a note on the repository of its judgements, if they are in one of their own."""
    note = f"the judgements are those of {qrels}"
    return replace(collection, notes=(note, *collection.notes)) if qrels else collection


def _data(
    collection: Collection, origin: str, digest: str, versions: Mapping[str, str] | None = None
) -> SearchableData:
    if not collection.queries["test"]:
        raise InputError(f"{origin} has no test query, so there is nothing to score")
    return SearchableData(
        collection.queries,
        (),
        origin,
        digest,
        collection.notes,
        versions or {},
        collection.n_skipped,
        documents=collection.documents,
    )
