"""Labelled texts, from local JSON lines and from rows of the hub.

One object per line: ``premise``, ``hypothesis`` and ``label``; or ``text``, ``label`` and, for pairs of texts,
``text_pair``. A row whose label is -1, "-", empty or null has no gold label: it is dropped, and a note counts such rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

from harness.errors import InputError
from harness.json_file import JsonObject
from harness.registry import suggestion
from tasks.data import SPLITS, DatasetInfo, Split
from tasks.sources.formats.lines import is_unicode, json_lines, shown, text_defect
from tasks.sources.formats.reading import LONGEST_LABEL, Reading, Rule
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.labelled_text import LabelledText
from tasks.sources.splits import files_identity, read_bytes, split_files

COLUMNS = (("premise", "hypothesis"), ("text", "text_pair"))
UNLABELLED = ("-1", "-", "")
"""Labels that mean "no gold label", besides null: the id in exports of GLUE and SNLI, and the text in SNLI's own files."""
RULE = Rule(lambda example: example.text, "text")
"""How a missing split is cut from train."""
_ONCE_A_CLASS = re.compile(rb'"label"\s*:\s*("\s*-1?\s*"|-1)\s*[,}]')


def files(folder: Path, without_train: bool = False) -> dict[Split, Path]:
    """The files of a local dataset, see `tasks.sources.splits.split_files`.

    Raises:
        InputError: train is missing.
    """
    return split_files(folder, ".jsonl", without_train)


def is_native(folder: Path, target: str = "label") -> bool:
    """Whether a folder is read as JSON lines: its first split is a file ``.jsonl``, whose first object, if any, has the usual keys.

    Args:
        folder: of the dataset.
        target: the key beside those of the texts.
    """
    file = next((path for split in SPLITS if (path := folder / f"{split}.jsonl").is_file()), None)
    if file is None:
        return False
    first = next((row for _, row in json_lines(file)), None)
    if not isinstance(first, dict):
        return not read_bytes(file).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    return target in first and any(text in first for text, _ in COLUMNS)


def identity(folder: Path, without_train: bool = False) -> str:
    """The identity of the examples, see `tasks.task.Task.identity`.

    For files with rows without a gold label it is more than the bytes, because an earlier version read those as a class.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    found = files(folder, without_train)
    dropped = any(_ONCE_A_CLASS.search(read_bytes(file)) for file in found.values())
    return files_identity(found) + (" labelled" if dropped else "")


def load(folder: Path, skip_bad: bool = False, without_train: bool = False) -> Reading[LabelledText]:
    """Read the splits of a folder; what it lacks is cut from train. The labels are those of train, sorted.

    Args:
        folder: holds ``train.jsonl`` and, if there are any, ``dev.jsonl`` and ``test.jsonl``.
        skip_bad: leave out malformed lines and count them.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a file is missing or empty or has no gold labels, or a line is malformed (file and line are named); or
            dev or test have a label that train never has; or train has one label only.
    """
    reading: Reading[LabelledText] = Reading(skip_bad, notes=copied_notes(folder))
    there = files(folder, without_train)
    for split, file in there.items():
        what = f"lines of {file.name} without a gold label (-1, '-', empty or null)"
        found = _labelled(_lines(file, reading.labels), reading, str(file), what)
        reading.take(split, found, str(file), file.name, "lines")
        if split == "train":
            reading.labels = tuple(sorted({example.label for example in reading.splits[split]}))
            if len(reading.labels) < 2:
                raise InputError(f"every label of {file} is {reading.labels[0]!r}, so there is nothing to learn")
    reading.labels = reading.labels or names_of(reading)
    reading.complete(RULE, {split: file.name for split, file in there.items()})
    return reading


def names_of(reading: Reading[LabelledText]) -> tuple[str, ...]:
    """The labels of all splits that were read, sorted."""
    return tuple(sorted({example.label for examples in reading.splits.values() for example in examples}))


def load_hub(info: DatasetInfo, skip_bad: bool = False, root: str | None = None) -> Reading[LabelledText]:
    """Read a declared hub dataset; if no dev files are declared, dev is cut from train, by the first text.

    Rows without a gold label are dropped, as usual, and so are the few rows of QQP without text.

    Args:
        info: declares ``files``, ``columns`` (see `tasks.data.HubOptions`) and ``labels`` in the order of their ids.
        skip_bad: leave out malformed rows and count them.
        root: a local copy of the repository, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, a column or label id is not what was declared, or a split has no gold labels.
    """
    revision = info.revision or "local" if root else hub.resolve_revision(info)
    reading: Reading[LabelledText] = Reading(skip_bad, labels=info.hub_options["labels"], revision=revision)
    for split, rows in hub.load_rows(info, revision, root).items():
        where = f"{info.hub_id} ({split})"
        read = (_from_row(info, split, number, row) for number, row in enumerate(rows))
        what = f"rows of {split} without a gold label or without text"
        reading.take(split, _labelled(read, reading, where, what), where, split, "rows")
    reading.cut_dev(lambda example: example.text, "text")
    return reading


def _labelled(
    found: Iterable[LabelledText | str | None], reading: Reading[LabelledText], where: str, what: str
) -> list[LabelledText | str]:
    """Drop the examples without a gold label, which are ``None``, and count them in a note.

    Args:
        found: examples; a malformed one is a sentence.
        reading: gets the note.
        where: a path or a hub id, for messages.
        what: the note's words for dropped examples.

    Raises:
        InputError: no example has a gold label.
    """
    every = list(found)
    labelled = [one for one in every if one is not None]
    if every and not labelled:
        raise InputError(
            f"{where} has no gold labels: every label is -1, '-', empty or null; use a split that has them, such as a part of "
            "train"
        )
    if dropped := len(every) - len(labelled):
        reading.notes.append(f"{dropped} {what} were dropped")
    return labelled


def _lines(file: Path, known: tuple[str, ...]) -> Iterator[LabelledText | str | None]:
    """Every line's example, or ``None`` if it has no gold label, or a sentence about its defect.

    Args:
        file: JSON lines; empty lines are skipped.
        known: the allowed labels; all if it is empty.
    """
    kinds = LabelKind()
    for number, row in json_lines(file):
        example = row if isinstance(row, str) else _example(row, file.name, number)
        if isinstance(example, LabelledText) and isinstance(row, dict):
            example = kinds.defect(row["label"], f"line {number}") or example
        if isinstance(example, str):
            yield f"{file}:{number} {example}"
        elif example and known and example.label not in known:
            yield (
                f"{file}:{number} has the label {example.label!r}, which train never has{suggestion(example.label, known)}"
            )
        else:
            yield example


def _example(row: JsonObject, file: str, number: int) -> LabelledText | str | None:
    texts = texts_of(row)
    if any(first in row for first, _ in COLUMNS):  # otherwise that is what is wrong with the row
        if "label" not in row:
            return "has no 'label'"
        if is_unlabelled(row["label"]):
            return None
        if defect := label_defect(row["label"]):
            return defect
    return texts if isinstance(texts, str) else LabelledText(*texts, str(row["label"]), f"{file}:{number}")


def label_defect(label: object) -> str:
    """Why a value cannot be a label, as the end of a sentence; empty if it can."""
    if isinstance(label, bool) or not isinstance(label, str | int):
        return f"has the label {shown(label)}, which is neither text nor an integer"
    if len(str(label)) > LONGEST_LABEL:
        return f"has a label of {len(str(label)):,} characters, {shown(str(label))}, and at most {LONGEST_LABEL} are read as one"
    if not is_unicode(str(label)):
        return "has a label with half a surrogate pair, which is not a character"
    return ""


class LabelKind:
    """Whether labels are text or numbers, which the first one decides: 1 and "1" would become the same label."""

    def __init__(self) -> None:
        self._first: tuple[object, str] | None = None

    def defect(self, label: object, place: str) -> str:
        """Why this label does not go with the first, as the end of a sentence; empty if it does.

        Args:
            label: text or an integer.
            place: of the label, for the messages about later ones.
        """
        first, there = self._first = self._first or (label, place)
        if isinstance(label, str) == isinstance(first, str):
            return ""
        kinds = ("text", "a number") if isinstance(label, str) else ("a number", "text")
        return f"has the label {shown(label)}, which is {kinds[0]}, but {shown(first)} of {there} is {kinds[1]}; write all in one way"


def texts_of(row: JsonObject) -> tuple[str, str | None] | str:
    """The texts of a row, the second ``None`` for a single text, or what is wrong with them, as the end of a sentence."""
    first, second = next((pair for pair in COLUMNS if pair[0] in row), ("", ""))
    if not first:
        return f"has neither 'premise' and 'hypothesis' nor 'text' among its keys {', '.join(map(shown, list(row)[:10])) or '(none)'}"
    columns = [first] if second == "text_pair" and row.get(second) is None else [first, second]
    for column in columns:
        if column not in row:
            return f"has no {column!r}"
        if defect := text_defect(row[column], column):
            return defect
    return row[first], row[second] if len(columns) == 2 else None


def is_unlabelled(label: object) -> bool:
    """Whether a label means "no gold label": -1, "-", empty or null."""
    return label is None or (type(label) in (int, str) and str(label).strip() in UNLABELLED)


def is_text(value: object) -> TypeGuard[str]:
    """Whether it has any characters except blanks, and no half of a surrogate pair."""
    return not text_defect(value, "")


def _from_row(info: DatasetInfo, split: Split, number: int, row: JsonObject) -> LabelledText | None:
    columns, labels = info.hub_options["columns"], info.hub_options["labels"]
    at = f"row {number} of {info.hub_id} ({split})"
    try:
        first, *second = (str(row[column]) for column in columns)
        if len(second) > 1:  # a word, a text with it, and another one
            first, second = f"{first}: {second[0]}", second[1:]
        label = row["label"]
        if is_unlabelled(label) or not all(map(is_text, (first, *second))):
            return None
        name = label if isinstance(label, str) else hub.name_of(label, labels)
    except KeyError as error:
        raise InputError(f"{at} has no column {error}; its columns are {', '.join(row)}") from None
    except (IndexError, TypeError):
        raise InputError(f"{at} has the label id {row['label']}, but only {len(labels)} labels are declared") from None
    return LabelledText(first, second[0] if second else None, name, f"{split}:{number}")
