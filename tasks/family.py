"""A family with embedded datasets, local folders and datasets of the hub, each read by its own source."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Protocol, Self, TypeVar

from harness.errors import InputError
from tasks.data import Data, DatasetInfo
from tasks.sources.formats.locate import local_datasets, locate
from tasks.sources.formats.reading import Reading
from tasks.sources.hub.repository import PREFIX
from tasks.sources.hub.rows import resolve_revision
from tasks.sources.tables.roles import SPLIT_OPTIONS
from tasks.sources.tables.source import FolderPlace, HubPlace
from tasks.task import DECLARED


class Source(Protocol):
    """The source of one dataset."""

    def identity(self) -> str:
        """The identity of the examples, without reading them all; see `tasks.task.Task.identity`."""
        ...

    def load(self, skip_bad: bool = False) -> Data:
        """Read the examples; see `tasks.task.Task.load`."""
        ...


SourceT = TypeVar("SourceT", bound=Source)


class Family(ABC, Generic[SourceT]):
    """The part of a task that finds a dataset's source and asks it for its identity and its examples.

    Attributes:
        family: the name that a user types.
        folders: names that the family's folder in a data folder may have; the first that holds the dataset is read.
        file_format: of a dataset in a local folder, in a few words for ``harness list``.
        columns: options that name columns of a table; empty if the family reads no tables.
        options: see `tasks.task.Configurable`.
        without_train: whether datasets are read that have no train split.
    """

    family: str
    file_format: str = ""
    folders: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    options: Mapping[str, str] = MappingProxyType({})
    without_train: bool = False

    @property
    @abstractmethod
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""

    def embedded(self, info: DatasetInfo) -> SourceT:
        """The source of a declared dataset that is built on this machine; not needed by a family that declares none."""
        raise NotImplementedError(info.name)

    @abstractmethod
    def local(self, path: Path) -> SourceT:
        """The source of a dataset in a folder."""

    @abstractmethod
    def hub(self, info: DatasetInfo) -> SourceT:
        """The source of a declared dataset on the Hugging Face hub."""

    def tables(self, place: FolderPlace | HubPlace) -> SourceT:
        """The source of a dataset whose columns are recognised or named: files of any usual format, or any hub dataset.

        Raises:
            InputError: the family reads no tables.
        """
        raise InputError(f"{self.family} reads no tables, so not {place.origin}; `list data` shows its datasets")

    def source(self, dataset: str, data_dir: str | None) -> SourceT:
        """The source of a dataset: the hub for ``hf:OWNER/NAME``, else ``data_dir`` if given, else the declared source.

        Raises:
            InputError: the dataset is neither declared nor in the data folder, the data folder does not exist, or columns were
                named for a dataset whose columns are known.
        """
        if dataset.startswith(PREFIX):
            return self.tables(HubPlace.find(dataset))
        place = locate(self.family, dataset, self.datasets, data_dir, self.folders)
        if isinstance(place, Path):
            return self.local(place)
        if named := self.named_columns():
            raise InputError(
                f"{self.family}/{dataset} is declared, so its columns are known; leave --task-option {named[0]} out"
            )
        return self.embedded(place) if place.source == "embedded" else self.hub(place)

    def in_folder(self, root: Path) -> Mapping[str, Path]:
        """The datasets of a data folder that the family reads: where each is, by the name that a user types."""
        return local_datasets(root, self.folders or (self.family,))

    def named_columns(self) -> list[str]:
        """The options with which the user named columns or splits of a table."""
        names = (*self.columns, *SPLIT_OPTIONS.values())
        return [name for name in names if self.options.get(name, DECLARED) != DECLARED]

    def configured(self, given: Mapping[str, str]) -> Self:
        """See `tasks.task.Configurable`."""
        changed = copy(self)
        changed.options = {**self.options, **separated(given, self.columns)}
        return changed

    def for_testing(self) -> Self:
        """See `tasks.task.ScoredWithoutTraining`."""
        changed = copy(self)
        changed.without_train = True
        return changed

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `tasks.task.Task.identity`: package versions, a digest of the local files, or the hub's revision."""
        return self.source(dataset, data_dir).identity()

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `tasks.task.Task.load`."""
        return self.source(dataset, data_dir).load(skip_bad)


def table_options(*columns: str) -> dict[str, str]:
    """The options of a family that name the columns and splits of tables; by default they are recognised."""
    return dict.fromkeys((*columns, *SPLIT_OPTIONS.values()), DECLARED)


def separated(given: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """Options with those apart that were given in one: ``text=a,label=b`` is ``text=a`` and ``label=b``.

    Args:
        given: options by name.
        columns: options that name a column, whose values are divided at commas before another option's name.

    Raises:
        InputError: an option is given twice.
    """
    names = "|".join((*columns, *SPLIT_OPTIONS.values()))
    apart: dict[str, str] = {}
    for name, text in given.items():
        parts = re.split(rf",(?=(?:{names})=)", text) if columns and name in names.split("|") else [text]
        for key, value in ((name, parts[0]), *((part.partition("=")[0], part.partition("=")[2]) for part in parts[1:])):
            if key in apart or (key != name and key in given):
                raise InputError(f"--task-option {key} is given twice")
            apart[key] = value
    return apart


@dataclass(frozen=True)
class EmbeddedSource:
    """A dataset that is built on this machine.

    Attributes:
        identify: returns the identity of the examples.
        build: returns the examples.
    """

    identify: Callable[[], str]
    build: Callable[[], Data]

    def identity(self) -> str:
        """See `Source.identity`."""
        return self.identify()

    def load(self, skip_bad: bool = False) -> Data:
        """See `Source.load`; no example that is built here is malformed."""
        return self.build()


@dataclass(frozen=True)
class FolderSource:
    """A dataset in a local folder.

    Attributes:
        path: the folder.
        identify: returns a digest of its files.
        read: reads it; the second argument says whether to leave out malformed examples.
    """

    path: Path
    identify: Callable[[Path], str]
    read: Callable[[Path, bool], Reading[Any]]

    def identity(self) -> str:
        """See `Source.identity`."""
        return self.identify(self.path)

    def load(self, skip_bad: bool = False) -> Data:
        """See `Source.load`."""
        return self.read(self.path, skip_bad).data(str(self.path))


@dataclass(frozen=True)
class HubSource:
    """A dataset on the Hugging Face hub.

    Attributes:
        info: declares the repository, its files and, where one could be verified, its commit.
        read: reads it; the second argument says whether to leave out malformed examples.
        named: whether the name of the dataset is part of the identity, because one repository may hold several datasets.
    """

    info: DatasetInfo
    read: Callable[[DatasetInfo, bool], Reading[Any]]
    named: bool = True

    def identity(self) -> str:
        """See `Source.identity`: the commit; the hub is asked only if none is declared."""
        return f"{self.info.hub_id}@{resolve_revision(self.info)}" + (f" {self.info.name}" if self.named else "")

    def load(self, skip_bad: bool = False) -> Data:
        """See `Source.load`; the origin contains the commit that was read."""
        reading = self.read(self.info, skip_bad)
        return reading.data(f"{self.info.hub_id}@{reading.revision}")
