"""Examples on which encoders disagree, with what each of them answered. Reads the predictions of one run an encoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.errors import InputError
from harness.report.comparable import Comparison, Standing
from harness.store import PREDICTIONS, RunRecord, Store
from harness.store.record import TEST_SET

EXAMPLES_READ = 5000
"""Test examples that are read of each run; the page says if there are more."""
EXAMPLES_KEPT = 60
"""Most examples of a comparison."""
LARGEST_FILE = 64 * 2**20
"""Bytes; larger files of predictions are not read."""
LONGEST_TEXT = 600
"""Characters; longer contexts and answers are cut."""

Row = Mapping[str, Any]
Chip = tuple[str, str]
"""A piece of an answer, and ``right``, ``wrong`` or ``missed``."""


@dataclass(frozen=True)
class Answer:
    """An answer that some of the encoders gave."""

    models: tuple[str, ...]
    chips: tuple[Chip, ...]
    right: bool


@dataclass(frozen=True)
class Example:
    """A test example on which answers differ.

    Attributes:
        id: of the dataset.
        context: the sentence, question or text, as far as the predictions hold it.
        gold: the pieces of the right answer.
        answers: those of more encoders first.
    """

    id: str
    context: str
    gold: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Disagreements:
    """The examples on which the encoders of a comparison disagree.

    Attributes:
        seeds: of the run that represents each encoder: the one with the median score.
        n_compared: test examples that all of these runs have a prediction for.
        n_differing: examples on which they give more than one answer.
        examples: some of them, those that about half of the encoders answer correctly first.
        unreadable: encoders whose predictions cannot be read.
        capped: there may be more test examples than were read.
    """

    seeds: Mapping[str, int]
    n_compared: int
    n_differing: int
    examples: tuple[Example, ...]
    unreadable: tuple[str, ...]
    capped: bool


def of_comparison(comparison: Comparison, store: Store) -> Disagreements:
    """Compare the predictions of the median run of each encoder.

    Args:
        comparison: whose encoders are compared.
        store: where the predictions are.
    """
    rows: dict[str, dict[str, Row]] = {}
    seeds: dict[str, int] = {}
    unreadable = []
    for standing in comparison.standings:
        run = median_run(standing)
        try:
            found = _test_rows(run, store)
        except (OSError, InputError):
            found = {}
        if found:
            rows[standing.label], seeds[standing.label] = found, run["seed"]
        else:
            unreadable.append(standing.label)
    common = set.intersection(*(set(found) for found in rows.values())) if len(rows) > 1 else set()
    ordered = [key for key in next(iter(rows.values()), {}) if key in common]
    differing = []
    for key in ordered:
        example = _example(key, {label: found[key] for label, found in rows.items()})
        if len(example.answers) > 1:
            differing.append(example)
    capped = any(len(found) == EXAMPLES_READ for found in rows.values())
    kept = sorted(differing, key=_unevenness)[:EXAMPLES_KEPT]
    return Disagreements(seeds, len(ordered), len(differing), tuple(kept), tuple(unreadable), capped)


def median_run(standing: Standing) -> RunRecord:
    """The run whose test score is the median; of two in the middle the lower."""
    metric = standing.entry.metric
    ranked = sorted(standing.entry.runs, key=lambda run: (run["scores"]["test"][metric], run["seed"]))
    return ranked[(len(ranked) - 1) // 2]


def _test_rows(run: RunRecord, store: Store) -> dict[str, Row]:
    """Rows of the first test examples of a run, by id.

    Raises:
        InputError: the predictions cannot be read.
        OSError: their file is not there.
    """
    file = store.folder_of(run) / PREDICTIONS
    if file.stat().st_size > LARGEST_FILE:
        return {}
    rows = (row for row in store.predictions(run) if row.get("split") == "test" and "id" in row)
    return {str(row["id"]): row for row in islice(rows, EXAMPLES_READ)}


def _example(identity: str, rows: Mapping[str, Row]) -> Example:
    by_chips: dict[tuple[tuple[Chip, ...], bool], list[str]] = {}
    for label, row in rows.items():
        by_chips.setdefault(_answer(row), []).append(label)
    answers = [Answer(tuple(labels), chips, right) for (chips, right), labels in by_chips.items()]
    answers.sort(key=lambda answer: (not answer.right, -len(answer.models)))
    first = next(iter(rows.values()))
    return Example(identity, _context(first), tuple(map(_short, _gold(first))), tuple(answers))


def _unevenness(example: Example) -> int:
    right = sum(len(answer.models) for answer in example.answers if answer.right)
    return abs(2 * right - sum(len(answer.models) for answer in example.answers))


def _answer(row: Row) -> tuple[tuple[Chip, ...], bool]:
    """The pieces of an answer and whether all of it is right, by the shape of the row."""
    return next(answer for fits, answer in _SHAPES if fits(row))(row)


def _tagged(row: Row) -> tuple[tuple[Chip, ...], bool]:
    gold, predicted = entities(row["tokens"], row["gold"]), entities(row["tokens"], row["predicted"])
    chips = [(_short(text), "right" if key in gold else "wrong") for key, text in predicted.items()]
    chips += [(_short(text), "missed") for key, text in gold.items() if key not in predicted]
    return tuple(chips) or (("nothing", "right"),), gold.keys() == predicted.keys()


def _ranked(row: Row) -> tuple[tuple[Chip, ...], bool]:
    relevant = {document for document, grade in row["gold"].items() if grade > 0}
    found = [str(document) for document, *_ in row["predicted"]]
    rank = next((place for place, document in enumerate(found, start=1) if document in relevant), None)
    if rank is None:
        return ((f"none of the first {len(found)} is relevant", "wrong"),), False
    return ((f"{found[rank - 1]} at rank {rank}", "right" if rank == 1 else "wrong"),), rank == 1


def _one_of_many(row: Row) -> tuple[tuple[Chip, ...], bool]:
    given = str(row["predicted"] or "")
    right = _full_marks(row, given in row["gold"] if row["gold"] else not given)
    return ((_short(given) or "no answer", "right" if right else "wrong"),), right


def _single(row: Row) -> tuple[tuple[Chip, ...], bool]:
    gold = row.get("gold")
    right = _full_marks(row, False) or (gold is not None and row.get("predicted") == gold)
    return ((_short(_text(row.get("predicted"))), "right" if right else "wrong"),), right


def _full_marks(row: Row, otherwise: bool) -> bool:
    """Whether the example adds to the score all that it can; see `harness.comparison.stats` for ``terms``."""
    terms = row.get("terms")
    return bool(abs(terms[0] - terms[1]) < 1e-9) if isinstance(terms, list) and len(terms) == 2 else otherwise


_SHAPES: tuple[tuple[Callable[[Row], bool], Callable[[Row], tuple[tuple[Chip, ...], bool]]], ...] = (
    (lambda row: isinstance(row.get("tokens"), list) and isinstance(row.get("predicted"), list), _tagged),
    (lambda row: isinstance(row.get("gold"), dict) and isinstance(row.get("predicted"), list), _ranked),
    (lambda row: isinstance(row.get("gold"), list) and not isinstance(row.get("predicted"), list), _one_of_many),
    (lambda row: True, _single),
)


def entities(tokens: Sequence[str], tags: Sequence[str]) -> dict[tuple[int, int, str], str]:
    """The entities of IOB2 tags, by first word, word after the last, and type; a stray ``I-`` begins one, as in conlleval."""
    found: dict[tuple[int, int, str], str] = {}
    start: int | None = None
    for place, (tag, before) in enumerate(zip([*tags, "O"], ["O", *tags], strict=True)):
        begins = tag.startswith("B-") or (tag.startswith("I-") and before[2:] != tag[2:])
        if start is not None and (begins or tag == "O"):
            kind = tags[start][2:]
            found[start, place, kind] = f"{' '.join(map(str, tokens[start:place]))} · {kind}"
            start = None
        if begins:
            start = place
    return found


def _gold(row: Row) -> list[str]:
    gold = row.get("gold")
    if isinstance(row.get("tokens"), list) and isinstance(gold, list):
        return list(entities(row["tokens"], gold).values()) or ["nothing"]
    if isinstance(gold, dict):
        return [str(document) for document, grade in gold.items() if grade > 0][:10]
    return [str(answer) for answer in gold] or ["no answer"] if isinstance(gold, list) else [_text(gold)]


def _context(row: Row) -> str:
    if isinstance(row.get("tokens"), list):
        return _short(" ".join(map(str, row["tokens"])))
    known = ("gold", "predicted", "id", "split", TEST_SET)
    return _short(" / ".join(value for name, value in row.items() if name not in known and isinstance(value, str)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
