"""Span extraction: the stretch of a context that answers a question; exact match and F1 of SQuAD.

The head gives start and end logits for every token (Devlin et al., 2019) of sliding windows. The search for the best stretch
over all windows is exact, not limited to the n best. The score of a stretch is the sum of its start and end logits minus those
of "no answer" at the first position of the same window, which makes windows comparable (Alberti et al., 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.data import Data, DatasetInfo
from tasks.excerpt import excerpt
from tasks.family import EmbeddedSource, Family, FolderSource, HubSource, Source, table_options
from tasks.metrics import answer_f1, answer_scores
from tasks.sources.formats import squad
from tasks.sources.formats.writing import write_squad
from tasks.sources.question import Question
from tasks.sources.tables import files, questions
from tasks.sources.tables.source import FolderPlace, HubPlace, TableSource
from tasks.task import Encoded, Row
from tasks.windows import NULL, Window, encode_questions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

THRESHOLD = "no_answer_threshold"


@dataclass(frozen=True, slots=True)
class Span:
    """A predicted answer: `text` is `context[start:end]`, empty for "no answer"; `score` is that of the best stretch,
    even if it was too low to be the answer.
    """

    text: str
    start: int
    end: int
    score: float


class SpanExtraction(Family[Source]):
    """The task ``span``: SQuAD-style extractive question answering."""

    family = "span"
    folders = ("qa", "span")
    file_format = "SQuAD JSON or tables"
    columns = questions.OPTIONS
    description = "span extraction: the stretch of a text that answers a question, if one does"
    head = "span"
    metric = "answer_f1"
    default_dataset = "docstrings"
    # Batches and epochs as usual for SQuAD (Devlin et al., 2019); a model from scratch needs this many small steps too.
    defaults: Mapping[str, object] = {"max_length": 384, "batch_size": 16, "epochs": 2.0}

    def __init__(self) -> None:
        self.options = table_options(*questions.OPTIONS)

    @property
    def datasets(self) -> Mapping[str, DatasetInfo]:
        """The declared datasets by name."""
        from tasks.catalogue.span import SPAN_DATASETS

        return SPAN_DATASETS

    def embedded(self, info: DatasetInfo) -> Source:
        """See `Family.embedded`."""
        from tasks.sources.docstrings import span

        return EmbeddedSource(span.identity, lambda: span.load().data(squad.LABELS))

    def local(self, path: Path) -> Source:
        """See `Family.local`: SQuAD's JSON, else tables, in ``DIR/qa/NAME`` or ``DIR/span/NAME``."""
        if self.named_columns() or (files.find(path) and not squad.is_native(path)):
            return self.tables(FolderPlace(path))
        without = self.without_train
        return FolderSource(
            path, partial(squad.identity, without_train=without), partial(squad.load, without_train=without)
        )

    def tables(self, place: FolderPlace | HubPlace) -> Source:
        """See `Family.tables`."""
        return TableSource(place, partial(questions.load, options=self.options, without_train=self.without_train))

    def hub(self, info: DatasetInfo) -> Source:
        """See `Family.hub`."""
        return HubSource(info, squad.load_hub)

    def encode(
        self,
        examples: Sequence[Question],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        training: bool = False,
    ) -> Encoded:
        """See `tasks.windows.encode_questions`."""
        return encode_questions(examples, tokenizer, max_length, training)

    def decode(
        self,
        examples: Sequence[Question],
        labels: Sequence[str],
        encoded: Encoded,
        logits: Sequence[NDArray[np.float32]],
    ) -> list[Span]:
        """The best stretch of each question's context; logits are of shape (length, 2)."""
        best = [Span("", 0, 0, -np.inf) for _ in examples]
        for example, window, scores in zip(encoded.example_of, encoded.windows, logits, strict=True):
            score, first, last = best_tokens(window, scores)
            if score > best[example].score:
                start, end = int(window.offsets[first, 0]), int(window.offsets[last, 1])
                best[example] = Span(examples[example].context[start:end], start, end, score)
        return best

    def tune(self, examples: Sequence[Question], predictions: Sequence[Span]) -> dict[str, float]:
        """The score that a stretch must exceed to be the answer; empty if every question of dev has an answer."""
        if all(example.answers for example in examples):
            return {}
        return {THRESHOLD: best_threshold(examples, predictions)}

    def apply(self, predictions: Sequence[Span], tuned: Mapping[str, float]) -> list[Span]:
        """The predictions, with "no answer" in place of those that do not exceed the threshold."""
        threshold = tuned.get(THRESHOLD, -np.inf)
        return [span if span.score > threshold else replace(span, text="", start=0, end=0) for span in predictions]

    def score(self, examples: Sequence[Question], predictions: Sequence[Span]) -> dict[str, float]:
        """See `tasks.metrics.answer_scores`."""
        gold = [[answer.text for answer in example.answers] for example in examples]
        return answer_scores([span.text for span in predictions], gold)

    def constant(self, examples: Sequence[Question], labels: Sequence[str]) -> list[Span]:
        """See `tasks.task.Guessable`: no answer."""
        return [Span("", 0, 0, -np.inf)] * len(examples)

    def rows(self, examples: Sequence[Question], predictions: Sequence[Span]) -> list[Row]:
        """Id, question, the part of the context around the gold answer, gold answers, and the predicted one with its offset.

        ``start`` is null for "no answer".
        """
        rows: list[Row] = []
        for example, span in zip(examples, predictions, strict=True):
            gold = list(dict.fromkeys(answer.text for answer in example.answers))
            rows.append(
                {
                    "id": example.id,
                    "question": example.question,
                    "context": excerpt(example.context, example.answers[0].start if gold else span.start),
                    "gold": gold,
                    "predicted": span.text,
                    "start": span.start if span.text else None,
                    "score": round(span.score, 4) if np.isfinite(span.score) else None,
                    "terms": [answer_f1(span.text, gold), 1],
                }
            )
        return rows

    def write(self, data: Data, folder: Path) -> None:
        """See `tasks.sources.hub.copies.Portable`: SQuAD's JSON."""
        write_squad(data.splits, folder)

    def texts(self, example: Question) -> tuple[str, ...]:
        """The question and its context."""
        return example.question, example.context


SPAN = SpanExtraction()


def best_tokens(window: Window, logits: NDArray[np.float32]) -> tuple[float, int, int]:
    """The best stretch of a window: its score over "no answer", its first and its last token, counted in the context's.

    Args:
        window: of the feature.
        logits: shape (length of the feature, 2): start and end.

    Returns:
        A score of minus infinity if the window holds only blanks.
    """
    n_tokens = len(window.offsets)
    solid = window.offsets[:, 0] < window.offsets[:, 1]
    if not solid.any():
        return -np.inf, 0, 0
    of_context = logits[window.position : window.position + n_tokens].astype(np.float64)
    start, end = np.where(solid[:, None], of_context, -np.inf).T
    ends = np.lib.stride_tricks.sliding_window_view(
        np.append(end, np.full(window.longest - 1, -np.inf)), window.longest
    )
    first = int((start + ends.max(axis=1)).argmax())
    last = first + int(ends[first].argmax())
    none = float(logits[NULL[0], 0]) + float(logits[NULL[1], 1])
    return float(start[first] + end[last]) - none, first, last


def best_threshold(examples: Sequence[Question], predictions: Sequence[Span]) -> float:
    """The threshold with the best F1, chosen as for SQuAD 2.0; the lowest of equally good ones."""
    scores = np.array([max(span.score, np.finfo(np.float32).min) for span in predictions], np.float64)
    gold = [[answer.text for answer in example.answers] for example in examples]
    if_answered = np.array([answer_f1(span.text, right) for span, right in zip(predictions, gold, strict=True)])
    if_not = np.array([float(not right) for right in gold])
    order = np.argsort(scores, kind="stable")
    scores, gains = scores[order], (if_not - if_answered)[order]
    # total[n]: the gain if the n lowest scores become "no answer"
    total = np.concatenate([[0.0], np.cumsum(gains)])
    between = np.concatenate([[scores[0] - 1], (scores[1:] + scores[:-1]) / 2, [scores[-1] + 1]])
    separates = np.concatenate([[True], scores[1:] > scores[:-1], [True]])
    return float(between[np.where(separates, total, -np.inf).argmax()])
