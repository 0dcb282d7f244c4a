"""Test collections from tables: corpus, queries and judgements as BEIR and MTEB publish them, or pairs of query and passage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.errors import InputError
from harness.json_file import JsonObject
from tasks.data import SPLITS, Split
from tasks.sources.collection import Collection, Document, Query
from tasks.sources.formats.beir import Judgement, assemble
from tasks.sources.formats.jsonl import is_text
from tasks.sources.formats.lines import text_defect
from tasks.sources.formats.reading import Reading, Rule
from tasks.sources.tables.roles import Roles
from tasks.sources.tables.source import FolderPlace, HubPlace
from tasks.sources.tables.splits import choose, take_splits
from tasks.sources.tables.table import Table

OPTIONS = ("query", "positive", "negative")
RULE = Rule(lambda pairing: pairing.positives[0], "best document")
_IDS = ("_id", "id", "docid", "doc_id", "corpus-id", "corpus_id", "pid", "query-id", "query_id", "qid")
_QUERY_IDS = ("query-id", "query_id", "qid", "query")
_DOCUMENT_IDS = ("corpus-id", "corpus_id", "docid", "doc_id", "pid", "document-id", "document_id")
_GRADES = ("score", "relevance", "grade", "label", "rel")


@dataclass(frozen=True)
class Pairing:
    """A query with passages that answer it and some that do not."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """A collection as it is published: documents, queries, and a table of judgements for each published split."""

    corpus: Table
    queries: Table
    qrels: Mapping[str, Table]


def collection(parts: Parts, options: Mapping[str, str], skip_bad: bool, where: str) -> Collection:
    """The collection of documents, queries and judgements.

    Raises:
        InputError: a column cannot be found, or an entry is malformed; see `tasks.sources.formats.beir.assemble`.
    """
    chosen = choose(parts.qrels, options, where)
    qrels: dict[Split, Iterator[Judgement | str]] = {
        split: _judgements(parts.qrels[chosen[split]]) for split in SPLITS if split in chosen
    }
    return assemble(_texts(parts.corpus), _texts(parts.queries), qrels, skip_bad, where)


def of_pairs(tables: Mapping[str, Table], options: Mapping[str, str], skip_bad: bool) -> Collection:
    """The collection of pairs: its corpus is every passage of every split.

    Raises:
        InputError: a column or a split cannot be found, or a row is malformed.
    """
    chosen = choose(tables, options, next(iter(tables.values())).where)
    reading: Reading[Pairing] = Reading(skip_bad)
    take_splits(tables, reading, lambda table, _: _pairings(table, options), RULE, chosen)
    ids: dict[str, str] = {}
    for split in SPLITS:
        for pairing in reading.splits[split]:
            for passage in (*pairing.positives, *pairing.negatives):
                ids.setdefault(passage, f"d{len(ids)}")
    reading.notes.append(f"the corpus is the {len(ids)} different passages of all splits")
    queries = {split: list(_queries(split, reading.splits[split], ids)) for split in SPLITS}
    documents = {name: Document("", text) for text, name in ids.items()}
    return Collection(documents, queries, tuple(reading.notes), reading.n_skipped)


def _queries(split: Split, pairings: Iterable[Pairing], ids: Mapping[str, str]) -> Iterator[Query]:
    """One query for all rows with the same text."""
    positives: dict[str, dict[str, int]] = {}
    negatives: dict[str, dict[str, None]] = {}
    for one in pairings:
        positives.setdefault(one.query, {}).update({ids[text]: 1 for text in one.positives})
        negatives.setdefault(one.query, {}).update(dict.fromkeys(ids[text] for text in one.negatives))
    for number, (text, judged) in enumerate(positives.items()):
        hard = tuple(name for name in negatives[text] if name not in judged)
        yield Query(f"{split}-{number}", text, judged, hard)


def _pairings(table: Table, options: Mapping[str, str]) -> Iterator[Pairing | str]:
    roles = Roles(table, options)
    query = roles.need("query")
    positive = roles.given("positive") or next(
        (name for one in ("positive",) if (name := roles.find(one)) and name != query), None
    )
    positive = positive or roles.only("text", (query,)) or roles.refuse("positive")
    negative = roles.find("negative")
    for at, row in table.rows([query, positive, *([negative] if negative else [])]):
        if isinstance(row, str):
            yield f"{at} {row}"
            continue
        right, wrong = _passages(row.get(positive)), _passages(row.get(negative) if negative else None)
        if defect := text_defect(row.get(query), query):
            yield f"{at} {defect}"
        elif not right:
            yield f"{at} {text_defect(row.get(positive), positive)}"
        else:
            yield Pairing(str(row[query]), right, wrong)


def _passages(value: object) -> tuple[str, ...]:
    return tuple(one for one in (value if isinstance(value, list) else [value]) if is_text(one))


def _texts(table: Table) -> Iterator[tuple[str, JsonObject | str]]:
    roles = Roles(table, {})
    name, text = (
        roles.find("", *_IDS) or roles.refuse("id"),
        roles.find("", "text", "query", "content", "contents", "body"),
    )
    text, title = text or roles.refuse("text"), roles.find("", "title")
    for at, row in table.rows([name, text, *([title] if title else [])]):
        if isinstance(row, str):
            yield at, row
        else:
            yield at, {"_id": row.get(name), "text": row.get(text), "title": row.get(title) if title else None}


def _judgements(table: Table) -> Iterator[Judgement | str]:
    roles = Roles(table, {})
    query = roles.find("", *_QUERY_IDS) or roles.refuse("query-id")
    document = roles.find("", *_DOCUMENT_IDS) or roles.refuse("corpus-id")
    grade = roles.find("", *_GRADES)
    for at, row in table.rows([query, document, *([grade] if grade else [])]):
        if isinstance(row, str):
            yield f"{at} {row}"
        else:
            yield at, str(row.get(query)), str(row.get(document)), _grade(row.get(grade)) if grade else 1


def _grade(value: object) -> int | str | float:
    return value if isinstance(value, int | float | str) else str(value)


def parts(place: FolderPlace | HubPlace) -> Parts | None:
    """The parts of a collection, or ``None`` if the place holds pairs.

    In a folder these are tables ``corpus`` and ``queries`` and a folder ``qrels``; on the hub, configurations of these names,
    where the judgements may be called ``default``, as by MTEB, or be in a repository ``NAME-qrels``, as by BEIR.

    Raises:
        InputError: only some parts are there.
    """
    held = place.parts()
    if "corpus" not in held and "queries" not in held:
        return None
    if missing := [name for name in ("corpus", "queries") if name not in held]:
        raise InputError(f"{place.origin} holds no {missing[0]}; a collection has corpus, queries and qrels")
    qrels = place.qrels()
    judged = qrels.tables() if qrels else held.get("qrels") or held.get("default")
    if not judged:
        raise InputError(f"{place.origin} holds no qrels, so no document is known to answer a query")
    return Parts(_only(held["corpus"]), _only(held["queries"]), judged)


def _only(tables: Mapping[str, Table]) -> Table:
    return next(iter(tables.values()))
