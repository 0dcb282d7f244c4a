"""Write examples as files in the local formats; reading them gives the same examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tasks.data import Split
from tasks.sources.collection import Document, Query
from tasks.sources.labelled_text import LabelledText
from tasks.sources.question import Question
from tasks.sources.sentence import Sentence


def write_conll(splits: Mapping[Split, Sequence[Sentence]], folder: Path) -> None:
    """``{train,dev,test}.conll``: one token, a tab and its IOB2 tag per line, an empty line between sentences."""
    for split, sentences in splits.items():
        blocks = (
            "".join(f"{token}\t{tag}\n" for token, tag in zip(sentence.tokens, sentence.tags, strict=True))
            for sentence in sentences
        )
        _write(folder / f"{split}.conll", ("\n".join(blocks),))


def write_squad(splits: Mapping[Split, Sequence[Question]], folder: Path) -> None:
    """``{train,dev,test}.json`` in SQuAD's format; consecutive questions on one context share a paragraph."""
    for split, questions in splits.items():
        articles = [
            {"title": title, "paragraphs": [_paragraph(context, qas) for context, qas in groupby(article, _context)]}
            for title, article in groupby(questions, lambda question: question.title)
        ]
        _write(folder / f"{split}.json", (json.dumps({"data": articles}, ensure_ascii=False) + "\n",))


def write_jsonl(splits: Mapping[Split, Sequence[LabelledText]], folder: Path, columns: tuple[str, str]) -> None:
    """``{train,dev,test}.jsonl``: one object per line, with the text, the second text if there is one, and the label.

    Args:
        splits: the examples.
        folder: for the files.
        columns: names of the two texts, see `tasks.sources.formats.jsonl.COLUMNS`.
    """
    for split, examples in splits.items():
        rows = (dict(zip(columns, (one.text, one.pair), strict=True)) | {"label": one.label} for one in examples)
        _write(folder / f"{split}.jsonl", map(_line, rows))


def write_beir(documents: Mapping[str, Document], splits: Mapping[Split, Sequence[Query]], folder: Path) -> None:
    """``corpus.jsonl``, ``queries.jsonl`` and ``qrels/{train,dev,test}.tsv``; a hard negative of train has the grade 0."""
    corpus = ({"_id": name, "title": document.title, "text": document.text} for name, document in documents.items())
    _write(folder / "corpus.jsonl", map(_line, corpus))
    texts = {query.id: query.text for queries in splits.values() for query in queries}
    _write(folder / "queries.jsonl", (_line({"_id": name, "text": text}) for name, text in texts.items()))
    (folder / "qrels").mkdir()
    for split, queries in splits.items():
        if queries:
            grades = (
                f"{query.id}\t{document}\t{grade}\n"
                for query in queries
                for document, grade in {**dict.fromkeys(query.negatives, 0), **query.judgements}.items()
            )
            _write(folder / "qrels" / f"{split}.tsv", ("query-id\tcorpus-id\tscore\n", *grades))


def write_lines(file: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """One JSON object a line, without keys whose value is ``None``."""
    _write(file, map(_line, rows))


def _write(file: Path, pieces: Iterable[str]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(pieces)


def _line(row: Mapping[str, object]) -> str:
    return json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False) + "\n"


def _context(question: Question) -> str:
    return question.context


def _paragraph(context: str, questions: Iterable[Question]) -> dict[str, object]:
    qas = [
        {
            "id": question.id,
            "question": question.question,
            "answers": [{"text": answer.text, "answer_start": answer.start} for answer in question.answers],
            "is_impossible": not question.answers,
        }
        for question in questions
    ]
    return {"context": context, "qas": qas}
