"""Named-entity data in local CoNLL files: one ``token<TAB>tag`` per line, an empty line between sentences.

`tasks.sources.columns` reads the layouts and `tasks.sources.tag_schemes` the tag schemes. All tags become IOB2 (Ramshaw and
Marcus, 1995, as used since CoNLL-2002), with a note for each conversion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from tasks.data import Split
from tasks.sources.columns import Row, numbers_tokens, read_rows
from tasks.sources.formats.lines import shown
from tasks.sources.formats.looks import other_format
from tasks.sources.formats.reading import LONGEST_LABEL, LONGEST_READ
from tasks.sources.hub.copies import copied_notes
from tasks.sources.sentence import Sentence
from tasks.sources.splits import files_identity, split_files
from tasks.sources.tag_schemes import Fit, entities, fits, written


def files(folder: Path, without_train: bool = False) -> dict[Split, Path]:
    """The files of a local dataset, see `tasks.sources.splits.split_files`.

    Raises:
        InputError: train is missing.
    """
    return split_files(folder, ".conll", without_train)


def identity(folder: Path, without_train: bool = False) -> str:
    """The identity of the sentences, see `tasks.task.Task.identity`.

    For files with numbered tokens it is more than the bytes, because an earlier version read the numbers as tokens.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    found = files(folder, without_train)
    return files_identity(found) + (" numbered" if any(map(numbers_tokens, found.values())) else "")


def load(
    folder: Path, strict_tags: bool = False, without_train: bool = False
) -> tuple[dict[Split, list[Sentence]], tuple[str, ...]]:
    """Read the three splits of a folder.

    Args:
        folder: holds ``train.conll`` and, if there are any, ``dev.conll`` and ``test.conll``.
        strict_tags: refuse tags that violate the scheme of their file.

    Returns:
        The sentences of each split, and a note for each conversion or omission.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a file is missing, empty or malformed; or dev or test hold a type that train never has.
    """
    found = files(folder, without_train)
    try:
        rows, notes = read_rows(found)
    except InputError as error:
        for file in found.values():
            if (better := other_format(file, "CoNLL", error)) is not error:
                raise better from error
        raise
    splits, more = to_sentences(rows, found, strict_tags)
    return splits, (*copied_notes(folder), *notes, *more)


def to_sentences(
    rows: Mapping[Split, Sequence[Sequence[Row]]], places: Mapping[Split, Path], strict_tags: bool
) -> tuple[dict[Split, list[Sentence]], list[str]]:
    """Sentences with IOB2 tags.

    Args:
        rows: the words of each sentence of each split, with tags of any scheme.
        places: the file of each split, for messages.
        strict_tags: refuse tags that violate the scheme of their file.

    Returns:
        The sentences of each split, and a note for each conversion.

    Raises:
        InputError: a sentence or a tag is too long, train holds no entity, or dev or test hold a type that train never has.
    """
    for split, file in places.items():
        for sentence in rows[split]:
            _check_size(sentence, file)
    if "train" in rows:
        known = _types(rows["train"], places["train"])
        for split, file in places.items():
            _check_types(rows[split], known, file, places["train"].name)
    tags = {split: [[row.tag for row in sentence] for sentence in rows[split]] for split in places}
    schemes, notes = fits(tags), list[str]()
    splits: dict[Split, list[Sentence]] = {}
    for split, file in places.items():
        read = [written(entities(one), len(one)) for one in tags[split]]
        splits[split] = [
            Sentence(tuple(row.token for row in sentence), tuple(new), f"{file.name}:{sentence[0].line}")
            for sentence, new in zip(rows[split], read, strict=True)
        ]
        if strict_tags:
            _refuse_irregular(rows[split], tags[split], schemes[split], file)
        notes += _scheme_notes(rows[split], read, schemes[split], file)
    return splits, notes


def _check_size(sentence: Sequence[Row], file: Path) -> None:
    """Refuse sentences and tags that are too long."""
    length = sum(len(row.token) for row in sentence)
    if length > LONGEST_READ:
        raise InputError(
            f"{file}:{sentence[0].line} begins a sentence of {length:,} characters, and at most {LONGEST_READ:,} are read at "
            "once; put an empty line between sentences"
        )
    if wrong := next((row for row in sentence if len(row.tag) > LONGEST_LABEL), None):
        raise InputError(
            f"{file}:{wrong.line} has a tag of {len(wrong.tag):,} characters, {shown(wrong.tag)}, and at most {LONGEST_LABEL} "
            "are read as one; give the type a short name"
        )


def _types(rows: Sequence[Sequence[Row]], file: Path) -> set[str]:
    known = {row.tag[2:] for sentence in rows for row in sentence if row.tag != "O"}
    if not known:
        raise InputError(f"{file} holds no entity: every tag is O, so there is nothing to learn")
    return known


def _check_types(rows: Sequence[Sequence[Row]], known: set[str], file: Path, train: str) -> None:
    unknown = (row for sentence in rows for row in sentence if row.tag != "O" and row.tag[2:] not in known)
    if first := next(unknown, None):
        raise InputError(
            f"{file}:{first.line} has the type {first.tag[2:]!r}, which {train} never has and no model could learn; "
            "rename it or map it to O"
        )


def _refuse_irregular(rows: Sequence[Sequence[Row]], tags: Sequence[Sequence[str]], fit: Fit, file: Path) -> None:
    if fit.irregular:
        number, place = fit.irregular[0]
        regular = written(entities(tags[number]), len(tags[number]), fit.scheme)[place]
        raise InputError(
            f"{file}:{rows[number][place].line} has the tag {tags[number][place]!r} where {fit.scheme}, the scheme of the file, "
            f"has {regular!r}; fix it, or leave --strict-tags out"
        )


def _scheme_notes(rows: Sequence[Sequence[Row]], read: Sequence[Sequence[str]], fit: Fit, file: Path) -> Sequence[str]:
    """Notes on conversions; empty for a file that is completely IOB2."""
    converted = sum(
        row.tag != tag
        for sentence, tags in zip(rows, read, strict=True)
        for row, tag in zip(sentence, tags, strict=True)
    )
    if not converted and not fit.irregular:
        return []
    irregular = ""
    if fit.irregular:
        sentence, place = fit.irregular[0]
        irregular = (
            f" except for {len(fit.irregular)} irregular tags of {sum(map(len, rows))}, read as by conlleval (the first in line "
            f"{rows[sentence][place].line})"
        )
    return [f"{file.name} is {fit.scheme}{irregular}; {converted} tags were converted to IOB2"]
