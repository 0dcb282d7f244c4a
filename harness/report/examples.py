"""The test examples of a comparison with what each encoder answered, as far as there is anything to see.

Examples that all encoders answer correctly and alike are only counted. One run stands for each encoder.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from harness.errors import InputError
from harness.report import answers
from harness.report.answers import Chip, Row
from harness.report.comparable import Comparison, Standing
from harness.store import PREDICTIONS, RunRecord, Store

EXAMPLES_READ = 20_000
"""Test examples that are read of each run; the page says if there are more."""
LARGEST_FILE = 64 * 2**20
"""Bytes; larger files of predictions are not read."""
MOST_LABELS = 60
"""Examples can be filtered by label if there are no more labels than this."""


@dataclass(frozen=True)
class Predicted:
    """The predictions of one run of each encoder.

    Attributes:
        rows: by the encoder's label and the example's id.
        seeds: of the run that represents each encoder: the one with the median score.
        unreadable: encoders whose predictions cannot be read.
    """

    rows: Mapping[str, Mapping[str, Row]]
    seeds: Mapping[str, int]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer that some of the encoders gave.

    Attributes:
        models: their labels.
        chips, right, labels: see `harness.report.answers.Reply`.
        confidence: of each of these encoders; ``None`` where it is unknown.
    """

    models: tuple[str, ...]
    chips: tuple[Chip, ...]
    right: bool
    labels: tuple[str, ...] = ()
    confidence: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Example:
    """A test example.

    Attributes:
        id: of the dataset.
        context: the sentence, question or text, as far as the predictions hold it.
        gold: the pieces of the right answer.
        labels: of the right answer.
        answers: right ones first, then those of more encoders.
    """

    id: str
    context: str
    gold: tuple[str, ...]
    answers: tuple[Answer, ...]
    labels: tuple[str, ...] = ()

    @property
    def right(self) -> frozenset[str]:
        """The encoders that answer correctly."""
        return frozenset(model for answer in self.answers if answer.right for model in answer.models)

    @property
    def unevenness(self) -> int:
        """0 if as many encoders are right as wrong, more the less they are divided."""
        return abs(2 * len(self.right) - sum(len(answer.models) for answer in self.answers))

    @property
    def wrong_confidence(self) -> float:
        """The highest probability that an encoder gave to a wrong answer; 0 if it is unknown."""
        wrong = (one for answer in self.answers if not answer.right for one in answer.confidence)
        return max((one for one in wrong if one is not None), default=0.0)


@dataclass(frozen=True)
class Examples:
    """The examples of a comparison.

    Attributes:
        models: the encoders whose predictions could be read.
        n_compared: test examples that all of these runs have a prediction for.
        n_differing: examples on which they give more than one answer.
        n_by_right: how many examples exactly these encoders answer correctly.
        worth_seeing: examples with a mistake, or with more than one answer, in an order that leaves the same mix wherever it is cut.
        labels: by which examples can be filtered; empty if there are none or too many.
        capped: there may be more test examples than were read.
    """

    models: tuple[str, ...]
    n_compared: int
    n_differing: int
    n_by_right: Mapping[frozenset[str], int]
    worth_seeing: tuple[Example, ...]
    labels: tuple[str, ...] = ()
    capped: bool = False


@dataclass
class _Tally:
    """What is gathered while the examples of a comparison are read."""

    differing: int = 0
    by_right: Counter[frozenset[str]] = field(default_factory=Counter)
    kept: list[Example] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    def add(self, example: Example) -> None:
        """Count an example, and keep it if there is something to see."""
        self.differing += len(example.answers) > 1
        self.by_right[example.right] += 1
        self.labels.update(example.labels, *(answer.labels for answer in example.answers))
        if len(example.answers) > 1 or not example.answers[0].right:
            self.kept.append(example)


def read(comparison: Comparison, store: Store) -> Predicted:
    """Read the predictions on test of the median run of each encoder.

    Args:
        comparison: the encoders.
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
    return Predicted(rows, seeds, tuple(unreadable))


def bytes_to_read(comparison: Comparison, store: Store) -> int:
    """The size of the files that `read` would read, in bytes."""
    files = (store.folder_of(median_run(standing)) / PREDICTIONS for standing in comparison.standings)
    return sum(file.stat().st_size for file in files if file.is_file())


def examples(predicted: Predicted) -> Examples:
    """Compare the answers of the encoders example by example."""
    rows = predicted.rows
    common = set.intersection(*(set(found) for found in rows.values())) if rows else set()
    ordered = [key for key in next(iter(rows.values()), {}) if key in common]
    tally = _Tally()
    for key in ordered:
        tally.add(_example(key, {label: found[key] for label, found in rows.items()}))
    return Examples(
        tuple(rows),
        len(ordered),
        tally.differing,
        tally.by_right,
        tuple(_mixed(tally.kept)),
        tuple(sorted(tally.labels)) if _can_filter(len(tally.labels), len(ordered)) else (),
        any(len(found) == EXAMPLES_READ for found in rows.values()),
    )


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
    rows = (row for row in store.predictions(run) if row.get("split") == "test" and "id" in row and _has_answer(row))
    return {str(row["id"]): row for row in islice(rows, EXAMPLES_READ)}


def _has_answer(row: Row) -> bool:
    """Whether there is anything to see; a published store has only ids and shares of the score."""
    return "gold" in row or "predicted" in row


def _example(identity: str, rows: Mapping[str, Row]) -> Example:
    alike: dict[answers.Reply, list[str]] = {}
    for label, row in rows.items():
        alike.setdefault(answers.reply(row), []).append(label)
    given = [
        Answer(
            tuple(models),
            reply.chips,
            reply.right,
            reply.labels,
            tuple(answers.confidence(rows[model]) for model in models),
        )
        for reply, models in alike.items()
    ]
    given.sort(key=lambda answer: (not answer.right, -len(answer.models)))
    first = next(iter(rows.values()))
    gold = tuple(answers.gold(first))
    return Example(answers.short(identity), answers.context(first), gold, tuple(given), answers.gold_labels(first))


def _mixed(found: Iterable[Example]) -> list[Example]:
    """Examples with those of every kind spread evenly; a kind is who is right. The most confident mistakes of a kind come first."""
    kinds: dict[frozenset[str], list[Example]] = defaultdict(list)
    for example in found:
        kinds[example.right].append(example)
    placed: list[tuple[float, Example]] = []
    for kind in kinds.values():
        ordered = sorted(kind, key=lambda example: -example.wrong_confidence)
        placed += [((place + 0.5) / len(kind), example) for place, example in enumerate(ordered)]
    return [example for _, example in sorted(placed, key=lambda one: one[0])]


def _can_filter(n_labels: int, n_examples: int) -> bool:
    """Whether these are labels: free answers have about as many different texts as examples."""
    return 1 < n_labels <= MOST_LABELS and (n_labels <= 4 or n_labels * 3 <= n_examples)


def division(example: Example) -> tuple[bool, int]:
    """Sorts examples that about half of the encoders answer correctly first, those that none does last."""
    return not example.right, example.unevenness
