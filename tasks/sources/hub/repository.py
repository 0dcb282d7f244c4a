"""Any dataset of the Hugging Face hub by its id: ``hf:OWNER/NAME[@REVISION][:CONFIG]``.

The revision is resolved to a commit before anything is read. `datasets` finds the files and their types; no script of a
repository runs. If the hub cannot be reached, a commit that the hub's own cache on this machine holds is read from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import InputError, on_one_line
from harness.json_file import JsonObject
from harness.registry import suggestion
from tasks.sources.hub.commit import MAIN, Found, Place, ask, commit_of, place_of
from tasks.sources.tables.table import Table, from_arrow

if TYPE_CHECKING:
    from datasets import DatasetDict

PREFIX = "hf:"
CONVERTED = "refs/convert/parquet"
"""The branch in which the hub keeps Parquet conversions of datasets that have a script."""

_ADDRESS = re.compile(r"hf:(?P<hub_id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./+-]+))?(?::(?P<config>[^:@]+))?")


@dataclass(frozen=True)
class Address:
    """A dataset as a user types it after the family; ``revision`` is ``main`` and ``config`` empty if they are not given."""

    hub_id: str
    revision: str = MAIN
    config: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """The parts of ``hf:OWNER/NAME[@REVISION][:CONFIG]``.

        Raises:
            InputError: the text is not of this form.
        """
        found = _ADDRESS.fullmatch(text)
        if not found:
            raise InputError(
                f"{text!r} is not a dataset of the hub; write hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME:CONFIG"
            )
        return cls(found["hub_id"], found["revision"] or MAIN, found["config"] or "")


@dataclass(frozen=True)
class Repository:
    """A dataset of the hub at a commit.

    Attributes:
        address: as the user typed it.
    """

    address: Address

    @property
    def commit(self) -> str:
        """The commit that its revision is; the hub is asked only if that is not a full commit.

        Raises:
            InputError: see `tasks.sources.hub.commit.ask`.
        """
        return commit_of(self.address.hub_id, "dataset", self.address.revision)

    @property
    def origin(self) -> str:
        """The hub id with the commit."""
        return f"{self.address.hub_id}@{self.commit}"

    @property
    def notes(self) -> list[str]:
        """How the data can be named exactly, if the user did not; and that the hub could not be asked."""
        address, notes = self.address, []
        if address.revision != self.commit:
            config = f":{address.config}" if address.config else ""
            notes.append(
                f"{address.revision} of {address.hub_id} is commit {self.commit}; hf:{self.origin}{config} always names these data"
            )
        if self._found.folder:
            notes.append(
                f"the hub could not be reached, so {address.hub_id} was read from the hub's cache on this machine"
            )
        return notes

    def configs(self) -> list[str]:
        """The names of its configurations.

        Raises:
            InputError: the hub cannot be read, or the repository holds no data that `datasets` reads.
        """
        from datasets import get_dataset_config_names

        try:
            return get_dataset_config_names(self._place.path, revision=self._place.revision)
        except Exception as error:
            raise self._unreadable(error) from error

    def tables(self, config: str | None = None) -> dict[str, Table]:
        """The splits of a configuration by their published names.

        Args:
            config: its name, in place of the one in the address.

        Raises:
            InputError: there is no such configuration, none is named and there are several, or it cannot be read.
        """
        from datasets import load_dataset

        config = self._config(config or self.address.config)
        try:
            found: DatasetDict = load_dataset(self._place.path, config, revision=self._place.revision)
        except Exception as error:
            raise self._unreadable(error) from error
        return {
            str(name): from_arrow(
                str(name), f"{self.address.hub_id} ({name})", "hub", split.with_format("arrow")[:], split.features
            )
            for name, split in found.items()
        }

    def stream(self, split: str) -> Iterator[JsonObject]:
        """The rows of a split one by one, without fetching them all; whatever `datasets` raises is the caller's to explain."""
        from datasets import load_dataset

        return iter(
            load_dataset(
                self._place.path,
                self.address.config or None,
                revision=self._place.revision,
                split=split,
                streaming=True,
            )
        )

    @property
    def _found(self) -> Found:
        return ask(self.address.hub_id, "dataset", self.address.revision)

    @property
    def _place(self) -> Place:
        return place_of(self.address.hub_id, self.address.revision)

    def _config(self, name: str) -> str | None:
        from datasets import get_dataset_default_config_name

        hub_id, known = self.address.hub_id, self.configs()
        if name and name not in known:
            raise InputError(f"{hub_id} has no configuration {name!r}{suggestion(name, known)}")
        if name or len(known) == 1:
            return name or known[0]
        if default := get_dataset_default_config_name(self._place.path, revision=self._place.revision):
            return default
        raise InputError(f"{hub_id} has the configurations {', '.join(known)}; name one, as in hf:{hub_id}:{known[0]}")

    def _unreadable(self, error: Exception) -> InputError:
        hub_id, cause = self.address.hub_id, error
        while cause.__cause__ is not None and isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        said = on_one_line(cause)
        if "scripts are no longer supported" in said:
            return InputError(f"{hub_id} is read by a script, which never runs here; try hf:{hub_id}@{CONVERTED}")
        if isinstance(error, FileNotFoundError):
            return InputError(f"{self.origin} holds no data that `datasets` reads ({said}); see its files on the hub")
        return InputError(
            f"{self.origin} could not be read ({said}); if its files are mixed, fetch it and use --data-dir"
        )
