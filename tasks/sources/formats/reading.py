"""A dataset that is being read: refuses or counts malformed examples, and cuts a missing dev split from train."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.errors import InputError
from tasks.data import SPLITS, Data, Split
from tasks.sources.formats.looks import is_as_named, looks_like, renaming
from tasks.sources.splits import fingerprint, hold_out

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

LONGEST_LABEL = 256
"""Characters of a label or of a tag. Anything longer is a text in the wrong place, and would become a column of every table."""

LONGEST_READ = 5_000_000
"""Characters of a context or sentence that is read completely, in windows: tokenising this many takes about 1.3 GB. War and
Peace has 3.2 million. If only the beginning of a text is read, its length does not matter (`tasks.beginning`)."""


@dataclass(frozen=True)
class Rule:
    """How a split is cut from train: so that it shares no group with train.

    Attributes:
        group: the property of an example, such as its text.
        what: the word for it.
    """

    group: Callable[..., Hashable]
    what: str


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
        every = iter(found)
        for one in every:
            if not isinstance(one, str):
                examples.append(one)
            elif self.skip_bad:
                bad.append(one)
            else:
                if not examples:
                    _refuse_if_all_are_bad(every, one, where, unit)
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

        Raises:
            InputError: train is too small to be cut.
        """
        if "dev" in self.splits or "train" not in self.splits:
            return
        self._cut("dev", len(self.splits["test"]), group)
        self.notes.append(
            f"the published development set is the test split here; dev was cut from train by {what}, the same for every run"
        )

    def complete(self, rule: Rule, published: Mapping[Split, str]) -> None:
        """Cut the splits that are missing from train; a dev split becomes the test split if there is no other.

        Args:
            rule: how to cut.
            published: the names of splits and files that were read.

        Raises:
            InputError: train is too small to be cut.
        """
        if "test" not in self.splits:
            if "dev" in self.splits:
                self.splits["test"] = self.splits.pop("dev")
                self.notes.append(f"{published['dev']} is the test split here, because no other one has labels")
            elif "train" in self.splits:
                self._cut_missing("test", len(self.splits["train"]), rule)
        if "dev" not in self.splits and "train" in self.splits:
            self._cut_missing("dev", len(self.splits["test"]), rule)
        self.splits = {split: self.splits[split] for split in SPLITS if split in self.splits}

    def _cut_missing(self, split: Split, size: int, rule: Rule) -> None:
        self._cut(split, size, rule.group)
        self.notes.append(
            f"there is no {split} split: {len(self.splits[split])} examples were cut from train by {rule.what}, the same for every run"
        )

    def _cut(self, split: Split, size: int, group: Callable[[T], Hashable]) -> None:
        train, held = hold_out(self.splits["train"], size, group)
        if not held or not train:
            raise InputError(
                f"train has {len(self.splits['train'])} examples, too few different ones to cut a {split} split from them; add one, "
                "or more examples"
            )
        self.splits["train"], self.splits[split] = train, held

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


def _refuse_if_all_are_bad(rest: Iterator[object], first: str, where: str, unit: str) -> None:
    """Refuse a file in which no example is well-formed, since skipping examples cannot help: often it is in another format.

    Args:
        rest: what follows the first example.
        first: the defect of the first example.
        where, unit: see `Reading.take`.
    """
    n_bad = 1
    for one in rest:
        if not isinstance(one, str):
            return
        n_bad += 1
    if n_bad > 1:
        kind = looks_like(Path(where)) if Path(where).is_file() else ""
        if is_as_named(Path(where), kind):
            looks, do = "", "; correct their keys or values"
        else:
            looks = f", which looks like {kind}," if kind else ""
            do = renaming(Path(where), kind) if kind else "; check its format"
        raise InputError(f"none of the {n_bad} {unit} of {where}{looks} is as expected{do}; the first: {first}")
