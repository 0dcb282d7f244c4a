"""Sources of datasets that are tables: a folder of files, or a repository of the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.errors import InputError
from tasks.data import Data
from tasks.sources.formats.reading import Reading
from tasks.sources.hub.repository import Address, Repository
from tasks.sources.tables import files
from tasks.sources.tables.table import Table

VERSION = 1
"""Increased when the same tables become other examples."""


PARTS = ("corpus", "queries", "qrels", "default")
"""Names of the tables of a test collection."""


class Place(Protocol):
    """Where tables are."""

    @property
    def origin(self) -> str:
        """For people: a folder, or a hub id with its commit."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """On the place, one sentence each."""
        ...

    def identity(self) -> str:
        """The identity of the tables, without reading them as such."""
        ...

    def tables(self) -> Mapping[str, Table]:
        """The tables by the published names of their splits."""
        ...

    def parts(self) -> Mapping[str, Mapping[str, Table]]:
        """The tables of the parts of a test collection, by part: ``corpus``, ``queries``, ``qrels`` or ``default``."""
        ...

    def qrels(self) -> Place | None:
        """The place of the judgements of a test collection, if they are elsewhere."""
        ...


@dataclass(frozen=True)
class FolderPlace:
    """A folder of files."""

    path: Path

    @property
    def origin(self) -> str:
        """See `Place.origin`."""
        return str(self.path)

    @property
    def notes(self) -> Sequence[str]:
        """See `Place.notes`."""
        return ()

    @property
    def format(self) -> str:
        """The formats of its files, for people."""
        found = files.find(self.path).values()
        return ", ".join(sorted({files.format_of(path) for one in found for path in one.paths}))

    def identity(self) -> str:
        """See `Place.identity`: a digest of the files."""
        return f"{files.identity(self._found())} tables {VERSION}"

    def tables(self) -> Mapping[str, Table]:
        """See `Place.tables`; train comes first, so that its defects are named first."""
        found = self._found()
        return {name: files.read(found[name]) for name in sorted(found, key=lambda name: (name[:5] != "train", name))}

    def parts(self) -> Mapping[str, Mapping[str, Table]]:
        """See `Place.parts`."""
        found = files.find(self.path).items()
        return {name: {name: files.read(one)} for name, one in found if name in PARTS and name != "qrels"}

    def qrels(self) -> FolderPlace | None:
        """See `Place.qrels`: the folder ``qrels``."""
        folder = FolderPlace(self.path / "qrels")
        return folder if folder.path.is_dir() else None

    def _found(self) -> Mapping[str, files.Files]:
        found = files.find(self.path)
        if not found:
            raise InputError(
                f"{self.path} holds no data file; a dataset is train, dev and test as CSV, TSV, JSON, JSON lines, Parquet or Arrow"
            )
        return found


@dataclass(frozen=True)
class HubPlace:
    """A repository of the hub."""

    repository: Repository

    @classmethod
    def find(cls, dataset: str) -> HubPlace:
        """The place of ``hf:OWNER/NAME[@REVISION][:CONFIG]``.

        Raises:
            InputError: the text is not of this form.
        """
        return cls(Repository(Address.parse(dataset)))

    @property
    def origin(self) -> str:
        """See `Place.origin`."""
        return self.repository.origin

    @property
    def notes(self) -> Sequence[str]:
        """See `Place.notes`."""
        return self.repository.notes

    @property
    def format(self) -> str:
        """For people."""
        return "hub"

    def identity(self) -> str:
        """See `Place.identity`: the commit and the configuration."""
        return f"{self.repository.origin} {self.repository.address.config} tables {VERSION}"

    def tables(self) -> Mapping[str, Table]:
        """See `Place.tables`."""
        return self.repository.tables()

    def parts(self) -> Mapping[str, Mapping[str, Table]]:
        """See `Place.parts`: the configurations with these names."""
        named = [name for name in self.repository.configs() if name in PARTS]
        if "corpus" not in named and "queries" not in named:
            return {}
        return {name: self.repository.tables(name) for name in named}

    def qrels(self) -> HubPlace | None:
        """See `Place.qrels`: the repository ``NAME-qrels``, if this one has documents and no judgements."""
        address, configs = self.repository.address, self.repository.configs()
        if "corpus" not in configs or {"qrels", "default"} & set(configs):
            return None
        return HubPlace(Repository(Address(f"{address.hub_id}-qrels")))


@dataclass(frozen=True)
class TableSource:
    """A dataset of tables, see `tasks.family.Source`.

    Attributes:
        place: of the tables.
        read: makes examples of them; the second argument says whether to leave out malformed rows.
    """

    place: FolderPlace | HubPlace
    read: Callable[[Mapping[str, Table], bool], Reading[Any]]

    @property
    def format(self) -> str:
        """Of the files, for people."""
        return self.place.format

    def identity(self) -> str:
        """See `tasks.family.Source.identity`."""
        return self.place.identity()

    def load(self, skip_bad: bool = False) -> Data:
        """See `tasks.family.Source.load`."""
        reading = self.read(self.place.tables(), skip_bad)
        reading.notes = [*self.place.notes, *reading.notes]
        return reading.data(self.place.origin)
