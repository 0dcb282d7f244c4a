"""The page's browser of examples: one part of JSON for each comparison, which the script reads when it is asked for.

A part is made of lists, not of objects with names, so that thousands of examples fit; `examples.js` reads it:

- example: ``[id, context, gold pieces, gold labels, answers]``
- answer: ``[encoders, whether it is right, pieces, labels, probability of each encoder or null]``
- piece: ``[text, place in `harness.report.answers.STATES`]``

Encoders and labels are places in the part's ``models`` and ``labels``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.plain_text import plain
from harness.report import calibration, examples
from harness.report.answers import STATES
from harness.report.calibration import Calibration
from harness.report.comparable import Comparison
from harness.report.examples import Answer, Example, Examples, Predicted
from harness.store import Store

EXAMPLE_BYTES = 3_000_000
"""Bytes of all examples on the page; those beyond it are left out, and the page says so."""

MOST_READ = 64 * 2**20
"""Bytes of predictions that are read for a page, so that a report ends within seconds whatever the store holds."""


@dataclass(frozen=True)
class Part:
    """The examples of one comparison, for the script.

    Attributes:
        title: of the comparison.
        json: safe inside of a ``script`` element.
    """

    title: str
    json: Markup


@dataclass(frozen=True)
class Examined:
    """What the predictions of all comparisons say, from one reading.

    Attributes:
        parts: examples, for comparisons whose predictions can be read.
        calibrations: of comparisons with probabilities.
        n_unread: comparisons whose predictions were not read, because others had taken `MOST_READ`.
    """

    parts: Sequence[Part]
    calibrations: Sequence[Calibration]
    n_unread: int = 0


NOTHING = Examined((), ())


def examine(comparisons: Sequence[Comparison], store: Store, room: int = EXAMPLE_BYTES) -> Examined:
    """Read the predictions of every comparison, one comparison at a time.

    Args:
        comparisons: of the store's finished runs.
        store: where the predictions are.
        room: bytes of all examples; each comparison gets an equal share of what those before it left.
    """
    parts: list[Part] = []
    calibrations: list[Calibration] = []
    unread, bytes_left = 0, MOST_READ
    for place, comparison in enumerate(comparisons):
        bytes_left -= (needed := examples.bytes_to_read(comparison, store))
        if bytes_left < 0:
            bytes_left += needed
            unread += 1
            continue
        predicted = examples.read(comparison, store)
        if found := calibration.calibration(comparison, predicted):
            calibrations.append(found)
        compared = examples.examples(predicted)
        if compared.n_compared:
            part = _part(comparison, predicted, compared, room // (len(comparisons) - place))
            room -= len(part.json.encode())
            parts.append(part)
    return Examined(parts, calibrations, unread)


def _part(comparison: Comparison, predicted: Predicted, found: Examples, room: int) -> Part:
    models = {name: place for place, name in enumerate(found.models)}
    labels = {name: place for place, name in enumerate(found.labels)}
    kept: list[tuple[Example, str]] = []
    for example in found.worth_seeing:
        text = _json(_example(example, models, labels))
        room -= len(text.encode()) + 1
        if room < 0:
            break
        kept.append((example, text))
    head = {
        "models": [plain(name) for name in models],
        "labels": [plain(name) for name in labels],
        "compared": found.n_compared,
        "differing": found.n_differing,
        "right": [[sorted(models[one] for one in right), count] for right, count in found.n_by_right.items()],
        "sure": any(one is not None for example, _ in kept for answer in example.answers for one in answer.confidence),
        "found": len(found.worth_seeing),
        "remark": _remark(predicted, found),
    }
    shown = ",".join(text for _, text in sorted(kept, key=lambda one: examples.division(one[0])))
    # Every "<" in it is escaped.
    return Part(comparison.title, Markup(f'{_json(head)[:-1]},"examples":[{shown}]}}'))


def _example(example: Example, models: Mapping[str, int], labels: Mapping[str, int]) -> list[object]:
    given = [_answer(answer, models, labels) for answer in example.answers]
    return [example.id, example.context, example.gold, _places(example.labels, labels), given]


def _answer(answer: Answer, models: Mapping[str, int], labels: Mapping[str, int]) -> list[object]:
    return [
        [models[name] for name in answer.models],
        int(answer.right),
        [[text, STATES.index(state)] for text, state in answer.chips],
        _places(answer.labels, labels),
        [None if one is None else round(one, 3) for one in answer.confidence],
    ]


def _places(names: Sequence[str], labels: Mapping[str, int]) -> list[int]:
    return [labels[name] for name in names if name in labels]


def _remark(predicted: Predicted, found: Examples) -> str:
    remarks = ["Seeds: " + ", ".join(f"{name} {seed}" for name, seed in predicted.seeds.items()) + "."]
    remarks += [f"Predictions could not be read: {', '.join(predicted.unreadable)}."] if predicted.unreadable else []
    remarks += [f"Only the first {found.n_compared} examples of each run were read."] if found.capped else []
    return plain(" ".join(remarks))


def _json(content: object) -> str:
    """Compact JSON in which no text can end the element around it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
