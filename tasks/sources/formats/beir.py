"""Test collections in BEIR's format (Thakur et al., 2021), from local folders and from the hub.

A folder holds ``corpus.jsonl`` (``_id``, ``title``, ``text``), ``queries.jsonl`` (``_id``, ``text``) and
``qrels/{train,dev,test}.tsv`` with ``query-id``, ``corpus-id``, ``score``, or with TREC's four columns. Only ``qrels/test.tsv``
must exist. A score of 0 or below means that a document was judged and is not relevant; training uses it as a hard negative.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.errors import InputError
from harness.json_file import JsonObject
from tasks.data import SPLITS, Split
from tasks.sources.collection import Collection, Document, Query
from tasks.sources.formats.lines import is_unicode, json_lines, numbered_lines
from tasks.sources.splits import hold_out

GRADE_COLUMNS = {"score", "grade", "rel", "relevance", "relevancy", "label", "judgment", "judgement"}
"""Names of the last column: a first line that ends with one of these words is a header."""
_GRADE = re.compile(r"[+-]?[0-9]{1,9}(\.0*)?")
"""A whole number, perhaps written as 1.0, as pandas writes a column that once had a gap. trec_eval reads 32 bits."""

Judgement = tuple[str, str, str, int | str | float]
"""Its place in the data, query id, document id, grade."""

CUT_NOTE = (
    "the benchmark publishes no dev judgements; dev was cut from the queries of train, the same for every run, and no query "
    "of it shares its best document with train"
)
NO_DEV_NOTE = (
    "the benchmark publishes no dev judgements, and none were cut from train, whose queries are too few or share one best document: "
    "there is no dev split"
)
NO_TRAINING_NOTE = "only test queries are judged: there is nothing to train on and no dev split, and test is complete"


def files(folder: Path) -> dict[str, Path]:
    """The files of a local collection, by their names in its digest.

    Raises:
        InputError: a required one is missing.
    """
    found = {"corpus": folder / "corpus.jsonl", "queries": folder / "queries.jsonl"}
    qrels = {split: folder / "qrels" / f"{split}.tsv" for split in SPLITS}
    found |= {split: file for split, file in qrels.items() if file.is_file() or split == "test"}
    if missing := next((file for file in found.values() if not file.is_file()), None):
        raise InputError(
            f"{missing} is missing; the folder of a retrieval dataset holds corpus.jsonl, queries.jsonl and qrels/test.tsv"
        )
    return found


def identity(folder: Path) -> str:
    """sha256 (hex) over the bytes of the files.

    Raises:
        InputError: one is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for name, file in files(folder).items():
        try:
            with file.open("rb") as stream:
                digest.update(f"{name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error
    return digest.hexdigest()


def has_train(folder: Path) -> bool:
    """Whether there are judgements to train on."""
    return (folder / "qrels" / "train.tsv").is_file()


def load(folder: Path, skip_bad: bool = False) -> Collection:
    """Read a folder.

    Args:
        folder: holds the files.
        skip_bad: leave out malformed lines and judgements and count them.

    Raises:
        InputError: a file is missing or empty, a line is malformed, an id occurs twice, or a judgement names an
            unknown document or query or has a score that is not a grade; file and line are named.
    """
    found = files(folder)
    qrels = {split: _qrels(found[split]) for split in SPLITS if split in found}
    return assemble(_lines(found["corpus"]), _lines(found["queries"]), qrels, skip_bad, str(folder))


def assemble(
    documents: Iterable[tuple[str, JsonObject | str]],
    queries: Iterable[tuple[str, JsonObject | str]],
    qrels: Mapping[Split, Iterable[Judgement | str]],
    skip_bad: bool,
    where: str,
) -> Collection:
    """Build a collection from rows with their places.

    Args:
        documents, queries: pairs of a place and a row, or of a place and a description of the defect there.
        qrels: the judgements of every split; a text is the description of a defect.
        skip_bad: leave out malformed entries and count them.
        where: name of the collection, for messages.

    Raises:
        InputError: see `load`.
    """
    problems = _Problems(skip_bad)
    pool = {name: Document(row.get("title") or "", row["text"]) for name, row in _by_id(documents, problems, "title")}
    if not pool:
        raise InputError(f"{where} has no document in its corpus, so there is nothing to search in")
    texts = {name: row["text"] for name, row in _by_id(queries, problems)}
    splits: dict[Split, list[Query]] = {"train": [], "dev": [], "test": []}
    notes = []
    judged: set[str] = set()
    for split, judgements in qrels.items():
        grades = _grades(judgements, pool, texts, problems)
        judged |= grades.keys()
        # A query without a relevant document cannot be scored; MTEB leaves it out, too.
        relevant = {query: graded for query, graded in grades.items() if any(grade > 0 for grade in graded.values())}
        if len(relevant) < len(grades):
            notes.append(f"{len(grades) - len(relevant)} queries of {split} have no relevant document and are left out")
        splits[split] = [Query(query, texts[query], graded) for query, graded in relevant.items()]
        if not splits[split]:
            raise InputError(f"{where} judges no document relevant in {split}, so there is nothing to find")
    if unjudged := len(texts.keys() - judged):
        notes.append(f"{unjudged} queries have no judgement and are left out")
    if "train" not in qrels:
        notes.append(NO_TRAINING_NOTE if "dev" not in qrels else "there is nothing to train on")
    elif "dev" not in qrels:
        train, dev = hold_out(splits["train"], len(splits["test"]), lambda query: query.relevant[0])
        if train and dev:
            splits |= {"train": train, "dev": dev}
        notes.append(CUT_NOTE if train and dev else NO_DEV_NOTE)
    if problems.found:
        notes.append(f"{len(problems.found)} malformed entries were left out, the first: {problems.found[0]}")
    return Collection(pool, splits, tuple(notes), len(problems.found))


class _Problems:
    """Malformed entries: refused, or counted at the user's request."""

    def __init__(self, skip: bool) -> None:
        self.skip = skip
        self.found: list[str] = []

    def add(self, problem: str) -> None:
        if not self.skip:
            raise InputError(f"{problem}; fix it, or leave such entries out with --skip-bad")
        self.found.append(problem)


def _by_id(
    rows: Iterable[tuple[str, JsonObject | str]], problems: _Problems, *optional: str
) -> Iterator[tuple[str, JsonObject]]:
    """The well-formed rows with their ids, none twice."""
    seen: set[str] = set()
    for at, row in rows:
        if isinstance(row, str):
            problems.add(f"{at} {row}")
        elif problem := _malformed(row, optional):
            problems.add(f"{at} {problem}")
        elif str(row["_id"]) in seen:
            problems.add(f"{at} has the id {str(row['_id'])!r} of an earlier line")
        else:
            seen.add(str(row["_id"]))
            yield str(row["_id"]), row


def _malformed(row: JsonObject, optional: tuple[str, ...]) -> str:
    """The defect of a row, or an empty text. A document may be empty, a query may not."""
    name = row.get("_id")
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name):
        return "has no '_id'"
    if not isinstance(row.get("text"), str):
        return "has no text in 'text'"
    for key in optional:
        if row.get(key) is not None and not isinstance(row[key], str):
            return f"has no text in {key!r}"
    if not optional and not row["text"].strip():
        return "is a query without a word"
    return (
        "" if is_unicode(f"{row.get('title')} {row['text']}") else "has half a surrogate pair, which is not a character"
    )


def _grades(
    judgements: Iterable[Judgement | str], pool: Mapping[str, object], texts: Mapping[str, str], problems: _Problems
) -> dict[str, dict[str, int]]:
    """The grades of documents, by query."""
    grades: dict[str, dict[str, int]] = {}
    for one in judgements:
        if isinstance(one, str):
            problems.add(one)
            continue
        at, query, document, score = one
        grade = _grade(score)
        if query not in texts:
            problems.add(f"{at} judges the query {query!r}, which is not in the queries")
        elif document not in pool:
            problems.add(f"{at} judges the document {document!r}, which is not in the corpus")
        elif grade is None:
            problems.add(f"{at} has the score {str(score)!r}; a grade is a whole number")
        elif grades.get(query, {}).get(document, grade) != grade:
            problems.add(
                f"{at} judges the document {document!r} for the query {query!r} a second time, with another grade"
            )
        else:
            grades.setdefault(query, {})[document] = grade
    return grades


def _grade(score: int | str | float) -> int | None:
    """The grade, or ``None`` if the score is not one. A grade below 0 becomes 0: judged and not relevant, as in trec_eval."""
    text = str(score).strip()
    return max(0, int(text.partition(".")[0])) if _GRADE.fullmatch(text) else None


def _lines(file: Path) -> Iterator[tuple[str, JsonObject | str]]:
    """Every line's place and object, or a description of its defect."""
    return ((f"{file}:{number}", row) for number, row in json_lines(file))


def _qrels(file: Path) -> Iterator[Judgement | str]:
    """Every judgement of a file, or a sentence about a defect.

    A line has three columns (query, document, grade), as in BEIR, or four, as in TREC, whose second is ignored. It is divided
    at tabs, or at blanks if it has no tab.
    """
    for place, (number, raw) in enumerate(numbered_lines(file)):
        line, at = raw.decode("utf-8", "replace"), f"{file}:{number}"
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if place == 0 and cells[-1].casefold() in GRADE_COLUMNS:
            continue
        if len(cells) not in (3, 4) or not all(cells):
            yield f"{at} does not hold query-id, corpus-id and score (or TREC's four columns), divided by tabs"
        else:
            yield at, cells[0], cells[-2], cells[-1]
