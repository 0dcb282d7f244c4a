"""A dataset that is being read: refuses or counts malformed examples, and cuts a missing dev split from train."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.errors import InputError
from tasks.sources.splits import fingerprint, hold_out
from tasks.task import SPLITS, Data, Split

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

LONGEST_LABEL = 256
"""Characters of a label or of a tag. Anything longer is a text in the wrong place, and would become a column of every table."""

LONGEST_READ = 5_000_000
"""Characters of a context or sentence that is read completely, in windows: tokenising this many takes about 1.3 GB. War and
Peace has 3.2 million. If only the beginning of a text is read, its length does not matter (`tasks.beginning`)."""


@dataclass
class Reading(Generic[T]):
    """The data read so far.

    Attributes:
        skip_bad: leave out malformed examples and count them.
        splits: the well-formed examples.
        labels: of the head, in the order of its outputs.
        notes: on changes to the examples, one sentence each.
        n_skipped: malformed examples that were left out.
        revision: the commit of a hub dataset.
    """

    skip_bad: bool = False
    splits: dict[Split, list[T]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    n_skipped: int = 0
    revision: str = ""

    def take(self, split: Split, found: Iterable[T | str], where: str, name: str, unit: str) -> None:
        """Read one split.

        Args:
            split: name of the split.
            found: its examples; in place of a malformed one, a sentence about its place and defect.
            where: a path or a hub id, for messages.
            name: of the split in the note.
            unit: the note's word for examples, such as ``lines``.

        Raises:
            InputError: an example is malformed and may not be skipped, or every example is malformed.
        """
        examples: list[T] = []
        bad: list[str] = []
        for one in found:
            if not isinstance(one, str):
                examples.append(one)
            elif self.skip_bad:
                bad.append(one)
            else:
                raise InputError(f"{one}; fix it, or leave such {unit} out with --skip-bad")
        if not examples:
            only_bad = f" that is not malformed; the first: {bad[0]}" if bad else ""
            raise InputError(f"{where} holds no example{only_bad}")
        if bad:
            self.notes.append(f"{len(bad)} malformed {unit} of {name} were left out, the first: {bad[0]}")
            self.n_skipped += len(bad)
        self.splits[split] = examples

    def cut_dev(self, group: Callable[[T], Hashable], what: str) -> None:
        """If there is no dev split, cut one from train (see `tasks.sources.splits.hold_out`) and add a note.

        Args:
            group: the property that examples of train and dev must not share, such as their article.
            what: the word for a group.
        """
        if "dev" in self.splits or "train" not in self.splits:
            return
        self.splits["train"], self.splits["dev"] = hold_out(self.splits["train"], len(self.splits["test"]), group)
        self.notes.append(
            f"the published development set is the test split here; dev was cut from train by {what}, the same for every run"
        )

    def data(self, origin: str) -> Data:
        """The finished dataset; ``origin`` is for people. A split that was not read is empty."""
        splits: dict[Split, list[T]] = {split: self.splits.get(split, []) for split in SPLITS}
        return Data(
            splits,
            self.labels,
            origin,
            fingerprint(splits),
            tuple(self.notes),
            n_skipped=self.n_skipped,
        )
