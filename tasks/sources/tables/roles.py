"""Which column of a table is the text, the label, the answer: named by the user, by its usual name, or by its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import InputError
from harness.registry import closest, did_you_mean
from tasks.data import Split
from tasks.sources.tables.table import Table
from tasks.task import DECLARED

SPLIT_OPTIONS: Mapping[Split, str] = {"train": "train_split", "dev": "dev_split", "test": "test_split"}
"""Options with which a user names the published splits."""

USUAL: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "labels", "gold_label", "class", "category", "target", "sentiment", "intent", "emotion", "y"),
    "score": (
        "score",
        "similarity_score",
        "similarity",
        "relatedness_score",
        "relatedness",
        "rating",
        "label",
        "target",
    ),
    "tokens": ("tokens", "words", "token"),
    "tags": ("ner_tags", "tags", "ner", "labels", "iob_tags", "bio_tags", "ner_labels"),
    "question": ("question", "query"),
    "context": ("context", "passage", "paragraph", "document"),
    "answers": ("answers", "answer", "answer_text"),
    "answer_start": ("answer_start", "start", "answer_starts"),
    "query": ("query", "anchor", "question", "sentence1"),
    "positive": ("positive", "pos", "positives", "passage", "document", "answer", "context", "sentence2", "text"),
    "negative": ("negative", "neg", "negatives", "hard_negative"),
}
"""Usual names of a column for each role, the most telling first; lower case."""

PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text", "text_pair"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("sentence_a", "sentence_b"),
    ("sentence_1", "sentence_2"),
    ("question", "sentence"),
    ("question", "passage"),
)
"""Usual names of two texts that one label judges."""
TEXTS = (
    "text",
    "sentence",
    "content",
    "review",
    "comment",
    "tweet",
    "body",
    "utterance",
    "document",
    "question",
    "title",
)
"""Usual names of a single text."""


class Roles:
    """The columns of one dataset.

    Args:
        table: whose columns they are; every split has the same.
        options: the task's, with the names of columns that the user gave.
    """

    def __init__(self, table: Table, options: Mapping[str, str]) -> None:
        self.table = table
        self._lower = {name.casefold(): name for name in reversed(list(table.columns))}
        self._given = {name: value for name, value in options.items() if value != DECLARED}

    def given(self, role: str) -> str | None:
        """The column that the user named for a role.

        Raises:
            InputError: there is no such column.
        """
        name = self._given.get(role)
        return None if name is None else self._checked(name)

    def several(self, role: str) -> tuple[str, ...]:
        """The columns that the user named for a role with commas between them; empty if that is not what was given.

        Raises:
            InputError: there is no such column.
        """
        name = self._given.get(role, "")
        if "," not in name or name in self.table.columns:
            return ()
        return tuple(self._checked(one.strip()) for one in name.split(","))

    def _checked(self, name: str) -> str:
        if name in self.table.columns:
            return name
        hint = (
            did_you_mean(close) if (close := closest(name, self.table.columns)) else f"; its columns are {self.shown()}"
        )
        raise InputError(f"{self.table.where} has no column {name!r}{hint}")

    def find(self, role: str, *more: str) -> str | None:
        """The column of a role: as given, else the first of its usual names; ``more`` are names to try before those."""
        if given := self.given(role):
            return given
        return next((self._lower[name] for name in (*more, *USUAL.get(role, ())) if name in self._lower), None)

    def need(self, role: str, *more: str) -> str:
        """The same.

        Raises:
            InputError: there is no such column.
        """
        return self.find(role, *more) or self.refuse(role)

    def only(self, kind: str, but: Sequence[str | None] = ()) -> str | None:
        """The only column of a kind, if there is exactly one beside some."""
        found = [name for name, column in self.table.columns.items() if column.kind == kind and name not in but]
        return found[0] if len(found) == 1 else None

    def pair(self) -> tuple[str, str] | None:
        """Two columns with the usual names of a pair of texts."""
        names = next((pair for pair in PAIRS if all(name in self._lower for name in pair)), None)
        return (self._lower[names[0]], self._lower[names[1]]) if names else None

    def single(self) -> str | None:
        """A column with a usual name of a text."""
        return next((self._lower[name] for name in TEXTS if name in self._lower), None)

    def shown(self) -> str:
        """The columns with their kinds, for messages."""
        shown = [f"{name!r} ({column.kind})" for name, column in list(self.table.columns.items())[:12]]
        return ", ".join(shown) or "(none)"

    def refuse(self, role: str) -> str:
        """Say that a role has no column.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"no column of {self.table.where} is known to be the {role}: its columns are {self.shown()}; name one with "
            f"--task-option {role}=COLUMN"
        )


def class_names(table: Table, column: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the label ids of a column: as the user gave them (``labels=A,B``), else those of its ClassLabel."""
    given = options.get("labels", DECLARED)
    if given != DECLARED:
        return tuple(name.strip() for name in given.split(","))
    return table.columns[column].names


def name_of(label: object, names: Sequence[str]) -> object:
    """The name of a label id, where names are known; anything else as it is."""
    is_id = isinstance(label, int | str) and not isinstance(label, bool) and str(label).isdecimal()
    return names[int(str(label))] if is_id and int(str(label)) < len(names) else label
