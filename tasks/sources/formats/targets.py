"""Texts and pairs with a score or with several labels, from local JSON lines and from rows of the hub.

One object per line: ``text``, for pairs ``text_pair`` (or ``premise`` and ``hypothesis``), and ``score`` or ``labels``. A row whose
target is null has no gold answer: it is dropped, and a note counts such rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol

from harness.errors import InputError
from harness.json_file import JsonObject
from harness.registry import suggestion
from tasks.data import DatasetInfo, Split
from tasks.sources.formats import jsonl
from tasks.sources.formats.lines import json_lines, shown
from tasks.sources.formats.lists import parted
from tasks.sources.formats.reading import Reading
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.splits import files_identity
from tasks.sources.target_text import TargetT, TargetText

LARGEST_SCORE = 1e37
"""Numbers of 32 bits end at 3.4e38, and differences of scores and wrong predictions of them must fit too."""


class Target(Protocol[TargetT]):
    """How the target of a row is read.

    Attributes:
        key: its key in a row.
    """

    key: str

    def read(self, value: object) -> TargetT | str:
        """The target, or a sentence about its defect, without its subject."""
        ...

    def labels(self, targets: Iterable[TargetT]) -> tuple[str, ...]:
        """The outputs of the head, from the targets of train."""
        ...

    def unknown(self, target: TargetT, known: Sequence[str]) -> str:
        """A sentence about a target that train does not prepare for, without its subject; empty if there is nothing to say."""
        ...


@dataclass
class Score:
    """A score, within a range if the dataset declares one."""

    range: tuple[float, float] | None = None
    key = "score"

    def read(self, value: object) -> float | str:
        """See `Target.read`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"has the score {shown(value)}, which is not a number"
        if not math.isfinite(value):
            return f"has the score {value}, which is not finite"
        if self.range and not self.range[0] <= value <= self.range[1]:
            return f"has the score {value:g}, which is not from {self.range[0]:g} to {self.range[1]:g}"
        if abs(value) > LARGEST_SCORE:
            return f"has the score {value:g}, and models compute in 32 bits, which hold scores up to {LARGEST_SCORE:g}"
        return float(value)

    def labels(self, targets: Iterable[float]) -> tuple[str, ...]:
        """See `Target.labels`: one output."""
        return (self.key,)

    def unknown(self, target: float, known: Sequence[str]) -> str:
        """See `Target.unknown`: nothing."""
        return ""


@dataclass
class Labels:
    """Several labels; an empty list is refused unless it is said to mean that none applies."""

    may_be_empty: bool = False
    key = "labels"

    def read(self, value: object) -> tuple[str, ...] | str:
        """See `Target.read`; the labels may be written in a text, as in CSV."""
        given, value = value, parted(value) if isinstance(value, str) else value
        if not isinstance(value, list):
            return f"has the labels {shown(given)}, which are not a list"
        if not value and not self.may_be_empty:
            return "has no labels; if that means that none applies, say so with --task-option empty=keep"
        kinds = jsonl.LabelKind()
        for place, label in enumerate(value, start=1):
            if defect := jsonl.label_defect(label) or kinds.defect(label, f"label {place}"):
                return defect
        if len(set(map(str, value))) < len(value):
            return f"names a label twice: {shown(value)}"
        return tuple(map(str, value))

    def labels(self, targets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        """See `Target.labels`: one output for each label, sorted."""
        return tuple(sorted({label for target in targets for label in target}))

    def unknown(self, target: tuple[str, ...], known: Sequence[str]) -> str:
        """See `Target.unknown`."""
        new = next((label for label in target if label not in known), None)
        return "" if new is None else f"has the label {new!r}, which train never has{suggestion(new, known)}"


@dataclass(frozen=True)
class Targets(Generic[TargetT]):
    """Reads datasets with such targets.

    Attributes:
        target: how a row's is read.
        without_train: see `tasks.sources.splits.split_files`.
    """

    target: Target[TargetT]
    without_train: bool = False

    def identity(self, folder: Path) -> str:
        """See `tasks.task.Task.identity`: a digest of the files.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        return files_identity(jsonl.files(folder, self.without_train))

    def load(self, folder: Path, skip_bad: bool = False) -> Reading[TargetText[TargetT]]:
        """Read the splits of a folder; what it lacks is cut from train, by the first text.

        Args:
            folder: holds ``train.jsonl`` and, if there are any, ``dev.jsonl`` and ``test.jsonl``.
            skip_bad: leave out malformed lines and count them.

        Raises:
            InputError: a file is missing or empty or has no gold targets, or a line is malformed (file and line are named).
        """
        reading: Reading[TargetText[TargetT]] = Reading(skip_bad, notes=copied_notes(folder))
        there = jsonl.files(folder, self.without_train)
        for split, file in there.items():
            found = (
                (f"{file}:{number}", row if isinstance(row, str) else self._example(row, f"{file.name}:{number}"))
                for number, row in json_lines(file)
            )
            self._take(reading, split, found, str(file), "lines")
        if not reading.labels:
            reading.labels = self.target.labels(one.target for every in reading.splits.values() for one in every)
        reading.complete(jsonl.RULE, {split: file.name for split, file in there.items()})
        return reading

    def load_hub(
        self, info: DatasetInfo, skip_bad: bool = False, root: str | None = None
    ) -> Reading[TargetText[TargetT]]:
        """Read a declared hub dataset; if no dev files are declared, dev is cut from train, by the first text.

        Args:
            info: declares ``files``, ``columns`` (one or two names), ``target`` and, of labels, ``labels`` in the order of their ids.
            skip_bad: leave out malformed rows and count them.
            root: a local copy of the repository, instead of the hub.

        Raises:
            InputError: the hub cannot be reached, or a column or label id is not what was declared.
        """
        revision = info.revision or "local" if root else hub.resolve_revision(info)
        reading: Reading[TargetText[TargetT]] = Reading(skip_bad, revision=revision)
        for split, rows in hub.load_rows(info, revision, root).items():
            where = f"{info.hub_id} ({split})"
            found = (
                (f"row {number} of {where}", self._example(self._named(info, row, where), f"{split}:{number}"))
                for number, row in enumerate(rows)
            )
            self._take(reading, split, found, where, "rows")
        reading.cut_dev(lambda example: example.text, "text")
        reading.labels = info.hub_options.get("labels", reading.labels)
        return reading

    def _take(
        self,
        reading: Reading[TargetText[TargetT]],
        split: Split,
        found: Iterable[tuple[str, TargetText[TargetT] | str | None]],
        where: str,
        unit: str,
    ) -> None:
        """Take in the examples of one split.

        Args:
            reading: gets them.
            split: name of the split.
            found: the place of each row, and its example, its defect, or ``None`` if it has no gold target.
            where: a path or a hub id, for messages.
            unit: ``lines`` or ``rows``.
        """
        every = list(found)
        labelled = [(place, one) for place, one in every if one is not None]
        if every and not labelled:
            raise InputError(f"{where} has no gold {self.target.key}: every one is null; use a split that has them")
        if dropped := len(every) - len(labelled):
            reading.notes.append(f"{dropped} {unit} of {split} without a gold {self.target.key} were dropped")
        checked = (
            f"{place} {defect}" if (defect := self._defect(one, reading.labels)) else one for place, one in labelled
        )
        reading.take(split, checked, where, split, unit)
        if split == "train":
            reading.labels = self.target.labels(example.target for example in reading.splits[split])

    def _defect(self, one: TargetText[TargetT] | str, known: tuple[str, ...]) -> str:
        if isinstance(one, str):
            return one
        return self.target.unknown(one.target, known) if known else ""

    def _named(self, info: DatasetInfo, row: JsonObject, where: str) -> JsonObject:
        """A row of the hub with the keys of a local file and the names of its labels."""
        options = info.hub_options
        columns, names = options["columns"], options.get("labels")
        texts = dict(zip(("text", "text_pair"), columns, strict=False)) | {self.target.key: options["target"]}
        if missing := [column for column in texts.values() if column not in row]:
            raise InputError(f"{where} has no column {missing[0]!r}; its columns are {', '.join(row)}")
        named = {key: row[column] for key, column in texts.items()}
        value = named[self.target.key]
        if names and isinstance(value, list):
            try:
                named[self.target.key] = [one if isinstance(one, str) else hub.name_of(one, names) for one in value]
            except IndexError as error:
                raise InputError(f"{where} has the label id {error}, but only {len(names)} are declared") from None
        return named

    def _example(self, row: JsonObject, identity: str) -> TargetText[TargetT] | str | None:
        texts = jsonl.texts_of(row)
        if isinstance(texts, str):
            return texts
        if self.target.key not in row:
            return f"has no {self.target.key!r}"
        if row[self.target.key] is None:
            return None
        target = self.target.read(row[self.target.key])
        return target if isinstance(target, str) else TargetText(*texts, target, identity)
