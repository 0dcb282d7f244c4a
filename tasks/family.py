"""A family with embedded datasets, local folders and datasets of the hub, each read by its own source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from tasks.sources.formats.locate import locate
from tasks.sources.formats.reading import Reading
from tasks.task import SPLITS, Data, DatasetInfo, Split


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
        needed: splits that a dataset in a local folder must have.
    """

    family: str
    file_format: str = ""
    folders: tuple[str, ...] = ()
    needed: tuple[Split, ...] = SPLITS

    @property
    @abstractmethod
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""

    @abstractmethod
    def embedded(self, info: DatasetInfo) -> SourceT:
        """The source of a declared dataset that is built on this machine."""

    @abstractmethod
    def local(self, path: Path) -> SourceT:
        """The source of a dataset in a folder."""

    @abstractmethod
    def hub(self, info: DatasetInfo) -> SourceT:
        """The source of a declared dataset on the Hugging Face hub."""

    def for_testing(self) -> Self:
        """See `tasks.task.ScoredWithoutTraining`."""
        same = copy(self)
        same.needed = ("test",)
        return same

    def source(self, dataset: str, data_dir: str | None) -> SourceT:
        """The source of a dataset: ``data_dir`` if given, else the declared source.

        Raises:
            InputError: the dataset is neither declared nor in the data folder, or the data folder does not exist.
        """
        place = locate(self.family, dataset, self.datasets, data_dir, self.folders)
        if isinstance(place, Path):
            return self.local(place)
        return self.embedded(place) if place.source == "embedded" else self.hub(place)

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `tasks.task.Task.identity`: package versions, a digest of the local files, or the hub's revision."""
        return self.source(dataset, data_dir).identity()

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `tasks.task.Task.load`."""
        return self.source(dataset, data_dir).load(skip_bad)


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
        info: declares the repository, its commit and its files.
        read: reads it; the second argument says whether to leave out malformed examples.
        named: whether the name of the dataset is part of the identity, because one repository may hold several datasets.
    """

    info: DatasetInfo
    read: Callable[[DatasetInfo, bool], Reading[Any]]
    named: bool = True

    def identity(self) -> str:
        """See `Source.identity`: the declared commit, without asking the hub."""
        return f"{self.info.hub_id}@{self.info.revision}" + (f" {self.info.name}" if self.named else "")

    def load(self, skip_bad: bool = False) -> Data:
        """See `Source.load`; the origin contains the commit that was read."""
        reading = self.read(self.info, skip_bad)
        return reading.data(f"{self.info.hub_id}@{reading.revision}")
