"""Questions and their contexts as model inputs: the question, followed by a window that slides over a context of any length.

Every context is tokenised once for all its questions, and windows are cut from its tokens. Character offsets define the content
of a window, so that an answer is a stretch of the original context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.beginning import beginning
from tasks.sources.question import Question
from tasks.task import Encoded, Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NULL = (0, 0)
"""The label of a window without the answer: start and end at the first position, [CLS] (Devlin et al., 2019)."""

NULL_WINDOWS = 2
"""Maximum number of training windows without the answer per question: all for a context as long as SQuAD's, a fixed sample
for a document, most of whose windows teach the same (Alberti et al., 2019, keep one in fifty)."""

_CONTEXTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 1_000_000
"""Characters of the contexts that are tokenised together, unless one is longer. It limits memory for long documents."""


@dataclass(frozen=True)
class Window:
    """The places of the context's tokens in a feature and in the context.

    Attributes:
        position: of the first token of the context in the feature.
        offsets: shape (tokens, 2): first character of each token and the one after its last, without surrounding blanks;
            equal if a token covers only blanks.
        longest: tokens of the longest answer to search for: windows overlap by as many, so that each shorter answer is
            complete in one of them.
    """

    position: int
    offsets: NDArray[np.int64]
    longest: int


def overlap(max_length: int) -> int:
    """Tokens by which windows overlap: 128 as usual (Devlin et al., 2019), and a third of windows shorter than 384."""
    return min(128, max_length // 3)


def encode_questions(
    examples: Sequence[Question], tokenizer: PreTrainedTokenizerBase, max_length: int, training: bool
) -> Encoded:
    """The windows of every question, see `tasks.task.Task.encode`.

    A question takes at most half of the input; a longer one is cut and counted as truncated. A question also counts as
    truncated if none of its answers is complete in any window, or if all are too long to be searched for.

    Args:
        examples: the questions.
        tokenizer: any fast tokenizer.
        max_length: longest input in tokens, including special tokens.
        training: return ``labels``, and leave out most windows without the answer of a long context.
    """
    pair = Pair(tokenizer)
    contexts = tokenised([example.context for example in examples], tokenizer)
    shortened = [beginning(example.question, tokenizer, max_length) for example in examples]
    questions = [list(ids) for ids in _ids(tokenizer, shortened)]
    random = np.random.default_rng(0)
    features: list[Feature] = []
    example_of: list[int] = []
    windows: list[Window] = []
    n_windowed = n_truncated = 0
    for index, (example, question) in enumerate(zip(examples, questions, strict=True)):
        ids, offsets = contexts[example.context]
        shown = question[: pair.room(max_length) // 2]
        room = pair.room(max_length) - len(shown)
        shared = min(overlap(max_length), room // 2)
        starts = list(range(0, max(len(ids) - shared, 1), room - shared))
        spans = [span for answer in example.answers if (span := token_span(offsets, answer.start, len(answer.text)))]
        labels = [_label(spans, start, room, len(pair.before) + len(shown) + len(pair.between)) for start in starts]
        n_windowed += len(starts) > 1
        reachable = any(label and label[1] - label[0] < shared for label in labels)
        n_truncated += len(shown) < len(question) or (bool(example.answers) and not reachable)
        chosen = _worth_training(labels, random) if training else range(len(starts))
        for number in chosen:
            start = starts[number]
            feature, position = pair.feature(shown, ids[start : start + room])
            if training:
                feature["labels"] = labels[number] or NULL
            features.append(feature)
            example_of.append(index)
            windows.append(Window(position, offsets[start : start + room], shared))
    return Encoded(features, example_of, n_windowed, n_truncated, windows)


def token_span(offsets: NDArray[np.int64], start: int, length: int) -> tuple[int, int] | None:
    """First and last token of a stretch of characters; ``None`` if no token covers any of it.

    Args:
        offsets: shape (tokens, 2), in the order of the text, see `Window`.
        start: first character.
        length: number of characters.
    """
    solid = np.flatnonzero(offsets[:, 0] < offsets[:, 1])
    first = int(np.searchsorted(offsets[solid, 1], start, side="right"))
    last = int(np.searchsorted(offsets[solid, 0], start + length, side="left")) - 1
    return (int(solid[first]), int(solid[last])) if first <= last and first < len(solid) else None


def without_blanks(text: str, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets of shape (tokens, 2) with the blanks at both ends of each token left out."""
    solid = np.fromiter((not character.isspace() for character in text), bool, len(text))
    places = np.arange(len(text) + 1)
    next_solid = np.append(np.where(solid, places[:-1], len(text)), len(text))
    next_solid = np.minimum.accumulate(next_solid[::-1])[::-1]
    after_solid = np.maximum.accumulate(np.insert(np.where(solid, places[1:], 0), 0, 0))
    first = next_solid[offsets[:, 0]]
    return np.stack([first, np.maximum(first, after_solid[offsets[:, 1]])], axis=1)


def tokenised(
    texts: Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> dict[str, tuple[list[int], NDArray[np.int64]]]:
    """Ids, without special tokens, and offsets without blanks (see `Window`) of each different text."""
    found: dict[str, tuple[list[int], NDArray[np.int64]]] = {}
    # Offsets come as one tuple per token, many times the size of the resulting array.
    for batch in _batches(dict.fromkeys(texts)):
        inputs = tokenizer(batch, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for text, ids, offsets in zip(batch, inputs["input_ids"], inputs["offset_mapping"], strict=True):
            found[text] = ids, without_blanks(text, np.array(offsets, np.int64).reshape(-1, 2))
    return found


class Pair:
    """How a tokenizer joins two texts: the special tokens around them, and the token types if it gives any."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        probe = tokenizer("a", "a")
        parts = probe.sequence_ids()
        first, second = parts.index(0), parts.index(1)
        end_of_first = len(parts) - 1 - parts[::-1].index(0)
        end_of_second = len(parts) - 1 - parts[::-1].index(1)
        ids = probe["input_ids"]
        self.before, self.between, self.after = ids[:first], ids[end_of_first + 1 : second], ids[end_of_second + 1 :]
        types = probe.get("token_type_ids")
        self.types = types and (
            types[:first],
            types[first],
            types[end_of_first + 1 : second],
            types[second],
            types[end_of_second + 1 :],
        )

    def room(self, max_length: int) -> int:
        """Number of tokens that remain for both texts."""
        return max_length - len(self.before) - len(self.between) - len(self.after)

    def feature(self, first: list[int], second: list[int]) -> tuple[Feature, int]:
        """The two texts as one model input, and the position at which the second begins."""
        ids = [*self.before, *first, *self.between, *second, *self.after]
        feature: Feature = {"input_ids": ids, "attention_mask": [1] * len(ids)}
        if self.types:
            before, of_first, between, of_second, after = self.types
            feature["token_type_ids"] = [
                *before,
                *[of_first] * len(first),
                *between,
                *[of_second] * len(second),
                *after,
            ]
        return feature, len(self.before) + len(first) + len(self.between)


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    found: list[list[int]] = (
        tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    )
    return found


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if len(batch) == _CONTEXTS_AT_ONCE or (batch and characters > _CHARACTERS_AT_ONCE):
            yield batch
            batch, characters = [], len(text)
        batch.append(text)
    if batch:
        yield batch


def _label(spans: Sequence[tuple[int, int]], start: int, room: int, position: int) -> tuple[int, int] | None:
    """The positions of the first answer that is complete in the window that begins with token `start`."""
    for first, last in spans:
        if start <= first and last < start + room:
            return first - start + position, last - start + position
    return None


def _worth_training(labels: Sequence[tuple[int, int] | None], random: np.random.Generator) -> list[int]:
    """All windows with the answer, and a sample of the others."""
    null = [number for number, label in enumerate(labels) if label is None]
    kept = random.permutation(null)[:NULL_WINDOWS] if len(null) > NULL_WINDOWS else null
    return [number for number, label in enumerate(labels) if label is not None or number in kept]
