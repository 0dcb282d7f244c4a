"""Labelled texts, from local JSON lines and from rows of the hub.

One object a line: ``premise``, ``hypothesis`` and ``label``; or ``text``, ``label`` and, where texts come in pairs,
``text_pair``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.registry import suggestion
from tasks.sources.formats.lines import is_unicode, json_lines
from tasks.sources.formats.reading import Reading
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.labelled_text import LabelledText
from tasks.sources.splits import split_files
from tasks.task import DatasetInfo, Split

COLUMNS = (("premise", "hypothesis"), ("text", "text_pair"))
UNLABELLED = -1
"""The label id by which SNLI and GLUE say that there is no gold label."""


def files(folder: Path) -> dict[Split, Path]:
    """The three files of a local dataset.

    Raises:
        InputError: one is missing.
    """
    return split_files(folder, ".jsonl")


def load(folder: Path, skip_bad: bool = False) -> Reading[LabelledText]:
    """Read the three splits of a folder; the labels are those of train, sorted.

    Args:
        folder: holds ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``.
        skip_bad: leave out malformed lines and count them.

    Raises:
        InputError: a file is missing or empty, or a line is malformed (file and line are named); or dev or test have a
            label that train never has; or train has one label only.
    """
    reading: Reading[LabelledText] = Reading(skip_bad, notes=copied_notes(folder))
    for split, file in files(folder).items():
        reading.take(split, _lines(file, reading.labels), str(file), file.name, "lines")
        if split == "train":
            reading.labels = tuple(sorted({example.label for example in reading.splits[split]}))
            if len(reading.labels) < 2:
                raise InputError(f"every label of {file} is {reading.labels[0]!r}, so there is nothing to learn")
    return reading


def load_hub(info: DatasetInfo, root: str | None = None) -> Reading[LabelledText]:
    """Read a declared hub dataset; where no dev files are declared, dev is cut from train, by the first text.

    Rows that the benchmark leaves without a gold label are dropped, as everyone does, and the few of QQP without text.

    Args:
        info: declares ``files``, ``columns`` (one or two names) and ``labels`` in the order of their ids.
        root: a local copy of the repository, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, or a column or label id is not what was declared.
    """
    revision = info.revision or "local" if root else hub.resolve_revision(info)
    reading: Reading[LabelledText] = Reading(labels=info.hub_options["labels"], revision=revision)
    for split, rows in hub.load_rows(info, revision, root).items():
        read = [_from_row(info, split, number, row) for number, row in enumerate(rows)]
        labelled = [example for example in read if example]
        if len(labelled) < len(read):
            reading.notes.append(
                f"{len(read) - len(labelled)} rows of {split} without a gold label or without text were dropped"
            )
        reading.take(split, labelled, f"{info.hub_id} ({split})", split, "rows")
    reading.cut_dev(lambda example: example.text, "text")
    return reading


def _lines(file: Path, known: tuple[str, ...]) -> Iterator[LabelledText | str]:
    """Every line's example, or in its place a sentence that says what is wrong.

    Args:
        file: JSON lines; empty lines are passed over.
        known: the labels there may be; any where it is empty.
    """
    for number, row in json_lines(file):
        example = row if isinstance(row, str) else _example(row, file.name, number)
        if isinstance(example, str):
            yield f"{file}:{number} {example}"
        elif known and example.label not in known:
            yield (
                f"{file}:{number} has the label {example.label!r}, which train never has{suggestion(example.label, known)}"
            )
        else:
            yield example


def _example(row: Mapping[str, Any], file: str, number: int) -> LabelledText | str:
    first, second = next((pair for pair in COLUMNS if pair[0] in row), ("", ""))
    if not first:
        return (
            f"has neither 'premise' and 'hypothesis' nor 'text' among its keys {', '.join(map(repr, row)) or '(none)'}"
        )
    if "label" not in row:
        return "has no 'label'"
    label = row["label"]
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        return f"has the label {json.dumps(label)}, which is neither text nor an integer"
    columns = [first] if second == "text_pair" and row.get(second) is None else [first, second]
    for column in columns:
        if column not in row:
            return f"has no {column!r}"
        if not _is_text(row[column]):
            return f"has no text in {column!r}"
    return LabelledText(row[first], row[second] if len(columns) == 2 else None, str(label), f"{file}:{number}")


def _is_text(value: Any) -> bool:
    """Whether it has any characters but blanks, and no half of a surrogate pair."""
    return isinstance(value, str) and bool(value.strip()) and is_unicode(value)


def _from_row(info: DatasetInfo, split: Split, number: int, row: Mapping[str, Any]) -> LabelledText | None:
    columns: Iterable[str] = info.hub_options["columns"]
    labels: tuple[str, ...] = info.hub_options["labels"]
    at = f"row {number} of {info.hub_id} ({split})"
    try:
        first, *second = (str(row[column]) for column in columns)
        label = row["label"]
        if label == UNLABELLED or not all(map(_is_text, (first, *second))):
            return None
        name = label if isinstance(label, str) else labels[label]
    except KeyError as error:
        raise InputError(f"{at} has no column {error}; its columns are {', '.join(row)}") from None
    except (IndexError, TypeError):
        raise InputError(f"{at} has the label id {row['label']}, but only {len(labels)} labels are declared") from None
    return LabelledText(first, second[0] if second else None, name, f"{split}:{number}")
