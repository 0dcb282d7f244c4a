"""A dataset while it is read: malformed examples are refused or left out and counted, and a missing dev split is cut from train."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.errors import InputError
from tasks.sources.splits import fingerprint, hold_out
from tasks.task import Data, Split

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

LONGEST_LABEL = 256
"""Characters of a label or of a tag. Anything longer is a text in the wrong place, and would be a column of every table."""

LONGEST_READ = 5_000_000
"""Characters of a context or sentence, of which every part is read in windows: tokenising this many takes about 1.3 GB. War and
Peace has 3.2 million. The length does not matter where only the beginning of a text is read (`tasks.beginning`)."""


@dataclass
class Reading(Generic[T]):
    """What was read so far.

    Attributes:
        skip_bad: leave out malformed examples and count them.
        splits: the well-formed examples.
        labels: what the head predicts, in the order of its outputs.
        notes: what was done to the examples, one sentence each.
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
            split: which.
            found: its examples; in place of a malformed one, a sentence that says where it is and what is wrong.
            where: a path or a hub id, for messages.
            name: what the note calls the split.
            unit: what the note calls examples, such as ``lines``.

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
            group: what examples of train and dev must not share, such as their article.
            what: what a group is called.
        """
        if "dev" in self.splits:
            return
        self.splits["train"], self.splits["dev"] = hold_out(self.splits["train"], len(self.splits["test"]), group)
        self.notes.append(
            f"the published development set is the test split here; dev was cut from train by {what}, the same for every run"
        )

    def data(self, origin: str) -> Data:
        """The finished dataset; ``origin`` tells people where it is from."""
        return Data(
            self.splits,
            self.labels,
            origin,
            fingerprint(self.splits),
            tuple(self.notes),
            n_skipped=self.n_skipped,
        )
