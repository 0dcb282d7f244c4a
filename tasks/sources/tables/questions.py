"""Questions on a context from tables: SQuAD's columns as `datasets` has them, or an answer and its place in columns of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from harness.json_file import JsonError, parse_json
from tasks.data import Split
from tasks.sources.formats import squad
from tasks.sources.formats.lines import shown, text_defect
from tasks.sources.formats.reading import Reading
from tasks.sources.question import Question
from tasks.sources.tables.roles import Roles
from tasks.sources.tables.splits import choose, take_splits
from tasks.sources.tables.table import Table

OPTIONS = ("question", "context", "answers", "answer_start")


def load(
    tables: Mapping[str, Table], skip_bad: bool, options: Mapping[str, str], *, without_train: bool = False
) -> Reading[Question]:
    """Read all splits.

    Args:
        tables: by published name.
        skip_bad: leave out malformed rows and count them.
        options: of the task, see `OPTIONS` and `tasks.sources.tables.roles.SPLIT_OPTIONS`.
        without_train: see `tasks.sources.splits.split_files`.

    Raises:
        InputError: a column or a split cannot be found, or a row is malformed.
    """
    chosen = choose(tables, options, next(iter(tables.values())).where)
    reading: Reading[Question] = Reading(skip_bad, labels=squad.LABELS)
    searched: set[str] = set()

    def read(table: Table, split: Split) -> list[Question | str | None]:
        found = list(squad.one_of_each(_questions(table, options, searched), table.where))
        hidden = split != "train" and not any(isinstance(one, str) or one.answers for one in found)
        return [None if hidden else one for one in found]

    take_splits(tables, reading, read, squad.RULE, chosen, without_train)
    if searched:
        reading.notes.append(
            f"{', '.join(sorted(searched))} say not where an answer begins, so its first occurrence in the context was taken"
        )
    return reading


def _questions(table: Table, options: Mapping[str, str], searched: set[str]) -> Iterator[Question | str]:
    roles = Roles(table, options)
    names = {role: roles.need(role) for role in ("question", "context", "answers")}
    names |= {
        role: found
        for role in ("answer_start", "id", "title", "is_impossible")
        if (found := roles.find(role, role)) and found not in names.values()
    }
    for number, (at, row) in enumerate(table.rows(list(names.values()))):
        if isinstance(row, str):
            yield f"{at} {row}"
            continue
        values = {role: row.get(column) for role, column in names.items()}
        answers = _answers(values, table.name, searched)
        if isinstance(answers, str):
            yield f"{at} {answers}"
            continue
        name = values.get("id")
        qa = {"id": f"{table.name}-{number}" if name in (None, "") else str(name), "answers": answers}
        if defect := next(
            filter(None, (text_defect(values[role], names[role]) for role in ("question", "context"))), ""
        ):
            yield f"{at} {defect}"
            continue
        context = str(values["context"])
        yield squad.question({**qa, "question": values["question"]}, context, str(values.get("title") or context))


def _answers(values: Mapping[str, object], split: str, searched: set[str]) -> list[dict[str, object]] | str:
    """The answers of a row as SQuAD's JSON has them, or a description of what is wrong with them."""
    held, context = values["answers"], values["context"]
    if isinstance(held, str) and held.lstrip()[:1] in ("{", "["):
        held = _written(held)
    starts = values.get("answer_start")
    if isinstance(held, dict):
        starts = held.get("answer_start", held.get("start"))
        held = held.get("text")
    if isinstance(held, list) and all(isinstance(one, dict) for one in held):
        pairs = [(one.get("text"), one.get("answer_start")) for one in held if isinstance(one, dict)]
        held, starts = [text for text, _ in pairs], [start for _, start in pairs]
    texts = [] if held in (None, "") else held if isinstance(held, list) else [held]
    if not all(isinstance(text, str) for text in texts):
        return f"has the answers {shown(values['answers'])}, which are not texts"
    if starts in (None, [], ""):
        if texts:
            searched.add(split)
        starts = [str(context).find(str(text)) for text in texts]
    starts = starts if isinstance(starts, list) else [starts]
    places = [_whole(start) for start in starts]
    if len(places) < len(texts) or any(place is None for place in places[: len(texts)]):
        return f"has {len(texts)} answers, which begin at {shown(starts)}"
    return [{"text": text, "answer_start": place} for text, place in zip(texts, places, strict=False)]


def _written(text: str) -> object:
    """The value that a cell of CSV holds as JSON, or as Python writes it."""
    try:
        return parse_json(text)
    except JsonError:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 12:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
