"""Questions in SQuAD's format, from local JSON files and from rows of the hub.

The JSON is that of SQuAD 1.1 and 2.0 (Rajpurkar et al., 2016 and 2018): ``data[].paragraphs[].context`` and
``qas[].{id, question, answers[].{text, answer_start}}``, in 2.0 also ``is_impossible``. ReCoRD (Zhang et al., 2018) asks
for the entity that ``@placeholder`` replaces; every mention of a correct entity in the passage is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.json_file import JsonError, JsonObject, parse_json
from tasks.data import SPLITS, DatasetInfo, Split
from tasks.sources.formats.lines import is_unicode, shown, text_defect
from tasks.sources.formats.looks import other_format
from tasks.sources.formats.reading import LONGEST_READ, Reading, Rule
from tasks.sources.hub import rows as hub
from tasks.sources.hub.copies import copied_notes
from tasks.sources.question import Answer, Question
from tasks.sources.splits import files_identity, read_bytes, split_files

LABELS = ("start", "end")
"""The outputs of the head for every token."""
RULE = Rule(lambda question: question.title, "document")
"""How a missing split is cut from train."""


def files(folder: Path, without_train: bool = False) -> dict[Split, Path]:
    """The files of a local dataset, see `tasks.sources.splits.split_files`.

    Raises:
        InputError: train is missing.
    """
    return split_files(folder, ".json", without_train)


def is_native(folder: Path) -> bool:
    """Whether a folder is read here: its first split is a file ``.json`` of one object, not of a list, nor of rows."""
    file = next((path for split in SPLITS if (path := folder / f"{split}.json").is_file()), None)
    if file is None:
        return False
    content = read_bytes(file).removeprefix(b"\xef\xbb\xbf").lstrip()
    rows = b'"context"' in content and b'"paragraphs"' not in content
    return content[:1] != b"[" and not rows


def identity(folder: Path, without_train: bool = False) -> str:
    """A digest of the files, see `tasks.task.Task.identity`.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    return files_identity(files(folder, without_train))


def load(folder: Path, skip_bad: bool = False, without_train: bool = False) -> Reading[Question]:
    """Read the splits of a folder; what it lacks is cut from train.

    Args:
        folder: holds ``train.json`` and, if there are any, ``dev.json`` and ``test.json``.
        skip_bad: leave out malformed questions and count them.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a file is missing, is not JSON in this format, or holds a malformed question (which is named).
    """
    reading: Reading[Question] = Reading(skip_bad, labels=LABELS, notes=copied_notes(folder))
    there = files(folder, without_train)
    for split, file in there.items():
        reading.take(split, one_of_each(_questions(_document(file)), str(file)), str(file), file.name, "entries")
    reading.complete(RULE, {split: file.name for split, file in there.items()})
    return reading


def load_hub(info: DatasetInfo, skip_bad: bool = False, root: str | None = None) -> Reading[Question]:
    """Read a declared hub dataset; if no dev files are declared, dev is cut from train, by document.

    Args:
        info: declares ``files`` and, for ReCoRD's columns, ``columns: record``.
        skip_bad: leave out malformed questions and count them.
        root: a local copy of the repository, instead of the hub.

    Raises:
        InputError: the hub cannot be reached, a column is missing, or a row is malformed.
    """
    revision = info.revision or "local" if root else hub.resolve_revision(info)
    read = _record_row if info.hub_options.get("columns") == "record" else _squad_row
    reading: Reading[Question] = Reading(skip_bad, labels=LABELS, revision=revision)
    for split, rows in hub.load_rows(info, revision, root).items():
        where = f"{info.hub_id} ({split})"
        found = (_from_row(read, row, f"row {number}") for number, row in enumerate(rows))
        reading.take(split, one_of_each(found, where), where, split, "rows")
    reading.cut_dev(lambda question: question.title, "document")
    return reading


def one_of_each(found: Iterable[Question | str], where: str) -> Iterator[Question | str]:
    """The same, with a sentence in place of a question whose id occurred before; every sentence begins with the place."""
    seen: set[str] = set()
    for one in found:
        if isinstance(one, str):
            yield f"{where}: {one}"
        elif one.id in seen:
            yield f"{where}: the id {one.id!r} occurs twice"
        else:
            seen.add(one.id)
            yield one


def _document(file: Path) -> list[object]:
    """The list ``data`` of a file.

    Raises:
        InputError: the file cannot be read, is not JSON, or has no such list.
    """
    try:
        document = parse_json(read_bytes(file))
    except JsonError as error:
        refused = InputError(f"{file}:{error.line} {error}; a span dataset is SQuAD JSON in UTF-8")
        raise other_format(file, "JSON", refused) from error
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        raise InputError(
            f"{file} has no list 'data', so it is not SQuAD JSON; see the format in the documentation of the tasks"
        )
    return data


def _questions(data: Iterable[Any]) -> Iterator[Question | str]:
    """Every question, or in its place a sentence about its defect."""
    for number, article in enumerate(data):
        at = f"data[{number}]"
        if problem := _lacking(article, {"paragraphs": list}):
            yield f"{at} {problem}"
            continue
        title = article.get("title", at)
        title = at if isinstance(title, list | dict) else str(title)
        for position, paragraph in enumerate(article["paragraphs"]):
            yield from _of_paragraph(paragraph, f"{at}.paragraphs[{position}]", title)


def _of_paragraph(paragraph: Any, at: str, title: str) -> Iterator[Question | str]:
    if problem := _lacking(paragraph, {"context": str, "qas": list}):
        yield f"{at} {problem}"
    elif not paragraph["context"].strip():
        yield f"{at} has an empty context"
    elif not is_unicode(paragraph["context"]):
        yield f"{at} has a context with half a surrogate pair, which is not a character"
    else:
        for number, qa in enumerate(paragraph["qas"]):
            if isinstance(qa, dict) and type(qa.get("id")) is int:  # True is an int, too
                qa = {**qa, "id": str(qa["id"])}
            if problem := _lacking(qa, {"id": str, "question": str, "answers": list}):
                yield f"{_named(qa, f'{at}.qas[{number}]')} {problem}"
            else:
                yield question(qa, paragraph["context"], title)


def question(qa: JsonObject, context: str, title: str) -> Question | str:
    """The question of an entry of SQuAD's ``qas``, whose keys are there, or a sentence about its defect."""
    name = _named(qa, "")
    if defect := text_defect(qa["question"], "question"):
        return f"{name} {defect}"
    if len(context) > LONGEST_READ:
        return f"{name} has a context of {len(context):,} characters, and at most {LONGEST_READ:,} are read at once"
    answers: dict[Answer, None] = {}
    for answer in qa["answers"]:
        if problem := _lacking(answer, {"text": str, "answer_start": int}):
            return f"an answer of {name} {problem}"
        text, start = answer["text"], answer["answer_start"]
        if not text.strip():
            return f"{name} has an empty answer"
        there = context[start : start + len(text)] if start >= 0 else ""
        if there != text:
            return (
                f"{name} has the answer {shown(text)}, but at its answer_start {start} the context says {shown(there)}"
            )
        answers[Answer(text, start)] = None
    if qa.get("is_impossible") and answers:
        return f"{name} is marked impossible and has answers"
    return Question(qa["id"], qa["question"].strip(), context, tuple(answers), title)


def _from_row(read: Callable[[JsonObject], Question | str], row: JsonObject, at: str) -> Question | str:
    try:
        return read(row)
    except (KeyError, TypeError) as error:
        return f"{at} is not as declared ({error}); its columns are {', '.join(row)}"


def _squad_row(row: JsonObject) -> Question | str:
    answers = row["answers"]
    pairs = zip(answers["text"], answers["answer_start"], strict=True)
    qa = {
        "id": str(row["id"]),
        "question": row["question"],
        "answers": [{"text": text, "answer_start": start} for text, start in pairs],
    }
    return question(qa, row["context"], row["title"])


def _record_row(row: JsonObject) -> Question | str:
    right, spans = set(row["answers"]), row["entity_spans"]
    mentions = zip(spans["text"], spans["start"], strict=True)
    qa = {
        "id": f"{row['idx']['passage']}-{row['idx']['query']}",
        "question": row["query"],
        "answers": [{"text": text, "answer_start": start} for text, start in mentions if text in right],
    }
    if not qa["answers"]:
        return f"{_named(qa, '')} has an answer that its passage never mentions"
    return question(qa, row["passage"], str(row["idx"]["passage"]))


def _lacking(value: object, needed: Mapping[str, type]) -> str:
    """The key that an object lacks, as the end of a sentence; empty if it lacks none."""
    if not isinstance(value, dict):
        return f"is not an object but {shown(value)}"
    for key, kind in needed.items():
        if not isinstance(value.get(key), kind):
            wanted = {list: "list", str: "text", int: "number"}[kind]
            return f"has no {wanted} {key!r}"
    return ""


def _named(qa: object, otherwise: str) -> str:
    return f"question {qa['id']!r}" if isinstance(qa, dict) and isinstance(qa.get("id"), str) else otherwise
