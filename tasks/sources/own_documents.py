"""Queries that are documents of their own corpus, under the same id: such a query would find itself first.

ArguAna and Quora are examples. BEIR leaves every document with the query's id out of its results, and MTEB does so for some
datasets (``ignore_identical_ids``). Equal ids alone prove nothing if both are plain numbers, so the texts must be equal too,
unless the dataset or the user decides otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tasks.data import OwnDocument
from tasks.sources.collection import Collection, Document, Query
from tasks.sources.formats.lines import json_lines, numbered_lines

Rule = OwnDocument
"""When to leave out the document with the query's id: if its text is the query's too, always, or never."""
RULES: tuple[Rule, ...] = ("same_text", "leave_out", "keep")

_FIRST_ID = re.compile(rb'\s*\{\s*"_id"\s*:\s*"([^"\\]*)"')
"""The id if it is the first value of a line, as in most files, so that most lines need no parsing."""


def marked(collection: Collection, rule: Rule) -> Collection:
    """The collection with a mark on every query whose own document is left out of its ranking, and a note with their number.

    With ``same_text`` a document that is judged relevant stays, because the query asks for it.
    """
    queries = {
        split: [
            replace(query, skips_own=True) if _skips(query, collection.documents, rule) else query for query in some
        ]
        for split, some in collection.queries.items()
    }
    every = [query for some in queries.values() for query in some]
    if not (n_marked := sum(query.skips_own for query in every)):
        return collection
    equal = "id and text" if rule == "same_text" else "id"
    note = (
        f"{n_marked} of {len(every)} queries are documents of the corpus themselves (equal {equal}); a query's own document "
        "is left out of its results, as in BEIR and MTEB"
    )
    return replace(collection, queries=queries, notes=(*collection.notes, note))


def may_hold_own(corpus: Path, queries: Path, rule: Rule) -> bool:
    """Whether a query of these files may skip a document by this rule; judgements are not read.

    Malformed lines are skipped; reading the collection reports them.

    Raises:
        InputError: a file cannot be read.
    """
    if rule == "keep":
        return False
    texts = {str(row.get("_id")): row.get("text") for _, row in json_lines(queries) if isinstance(row, dict)}
    ids = {name.encode("utf-8", "replace") for name in texts}
    for _, line in numbered_lines(corpus):
        first = _FIRST_ID.match(line)
        if first and first[1] not in ids:
            continue
        try:
            row = json.loads(line)
            name, document = str(row["_id"]), Document(row.get("title") or "", row["text"])
            if name in texts and (rule == "leave_out" or _same_text(str(texts[name]), document)):
                return True
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            continue
    return False


def _skips(query: Query, documents: Mapping[str, Document], rule: Rule) -> bool:
    if rule == "keep" or query.id not in documents:
        return False
    if rule == "leave_out":
        return True
    return _same_text(query.text, documents[query.id]) and query.judgements.get(query.id, 0) == 0


def _same_text(query: str, document: Document) -> bool:
    """Whether the query is the document's text, with or without the title, apart from blanks."""
    return query.split() in (document.text.split(), document.content.split())
