"""Needles in a stretch of haystack that makes an input of a given number of tokens.

The stretch is cut at a word, so an input has the tokens asked for or falls short of them by less than the next word.
Where the answer stands is known from how the text was put together; it is never looked for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.sources.needles import Needle, Statement
from tasks.windows import Pair, tokenised

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CHARACTERS_A_TOKEN = 6
"""How much text is tokenised at first; it is doubled until there are tokens enough."""

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Context:
    """A haystack with its needle.

    Attributes:
        question: tokens of the question, without special tokens.
        text: all of the context.
        start: where the answer begins: ``text[start : start + len(answer)]`` is the answer.
        ids: tokens of the text, without special tokens.
        offsets: of the tokens, shape (tokens, 2), see `tasks.windows.Window`.
    """

    question: list[int]
    text: str
    start: int
    ids: list[int]
    offsets: NDArray[np.int64]


def hide(needle: Needle, length: int, tokenizer: PreTrainedTokenizerBase, pair: Pair) -> Context:
    """Build the context that makes, behind its question, an input of `length` tokens, special tokens included
    (of a share of the haystack that there is room for, where the needle says so).

    A needle stands between two sentences, at the place nearest to its depth, counted in tokens of the haystack; at a
    depth of 100 it comes last, where the stretch may end within a sentence.

    Args:
        needle: what is hidden in what.
        length: tokens of the input.
        tokenizer: any fast tokenizer.
        pair: how it joins question and context.

    Raises:
        InputError: needle, distractors and question leave no room for one word of haystack.
    """
    statements = [needle.statement.text, *(other.text for other, _ in needle.distractors)]
    alone = tokenised([needle.question, *statements], tokenizer)
    question = alone[needle.question][0]
    spoken = len(question) + sum(len(alone[text][0]) for text in statements)
    room = pair.room(length) - spoken
    hay = int(room * needle.share)
    stretch = _stretch(needle, hay, tokenizer)
    hay = max(hay, min(stretch.tokens_of(1), room))  # one word of haystack, however small the share
    n_words = stretch.n_words_of(hay)
    found: Context | None = None
    tried: set[int] = set()
    # Tokens of what was counted apart may join, or split, in some tokenizers: then a few words more or less are tried.
    while n_words > 0 and n_words not in tried:
        tried.add(n_words)
        text, start = _put_together(needle, stretch, n_words)
        ids, offsets = tokenised([text], tokenizer)[text]
        left = spoken + hay - len(question) - len(ids)
        if left >= 0:
            found = Context(question, text, start, ids, offsets)
        fitting = stretch.n_words_of(stretch.tokens_of(n_words) + left)
        n_words = fitting if left >= 0 else min(fitting, n_words - 1)
    if found is None:
        needed = length - room + stretch.tokens_of(1)
        raise InputError(
            f"a {needle.kind} needle with its question and {len(needle.distractors)} distractors takes {needed} tokens and is "
            f"longer than an input of {length}; ask for longer inputs (lengths, --max-length) or fewer distractors"
        )
    return found


@dataclass(frozen=True)
class _Stretch:
    """Haystack sentences, and how many tokens its first words are: `tokens[n]` those of the first n + 1 words."""

    sentences: Sequence[str]
    words_before: Sequence[int]  # of each sentence
    tokens: Sequence[int]

    def n_words_of(self, tokens: int) -> int:
        """The most words that take no more than so many tokens."""
        return bisect_right(self.tokens, tokens)

    def tokens_of(self, words: int) -> int:
        """Tokens of the first words."""
        return self.tokens[words - 1] if words else 0


def _stretch(needle: Needle, tokens: int, tokenizer: PreTrainedTokenizerBase) -> _Stretch:
    """Haystack from the needle's first sentence on, of more than so many tokens."""
    characters = max(tokens, 1) * _CHARACTERS_A_TOKEN
    while True:
        sentences = needle.haystack.read(needle.start, characters)
        text = " ".join(sentences)
        _, offsets = tokenised([text], tokenizer)[text]
        if len(offsets) > tokens:
            break
        characters *= 2
    word_ends = np.fromiter((word.end() for word in _WORD.finditer(text)), np.int64)
    counts = np.searchsorted(np.maximum.accumulate(offsets[:, 0]), word_ends, side="left")
    words = [len(sentence.split()) for sentence in sentences]
    return _Stretch(sentences, [0, *accumulate(words)][:-1], counts.tolist())


def _put_together(needle: Needle, stretch: _Stretch, n_words: int) -> tuple[str, int]:
    """The first words of a stretch with the statements between its sentences, and where the answer begins."""
    n_sentences = bisect_right(stretch.words_before, n_words - 1)
    last = stretch.sentences[n_sentences - 1].split()[: n_words - stretch.words_before[n_sentences - 1]]
    parts: list[str | Statement] = [*stretch.sentences[: n_sentences - 1], " ".join(last)]
    tokens_before = [stretch.tokens_of(words) for words in stretch.words_before[:n_sentences]]
    tokens_before.append(stretch.tokens_of(n_words))
    hidden = [(needle.depth, needle.statement), *((depth, other) for other, depth in needle.distractors)]
    # The deepest first, so that the places of the others stay what they are.
    for depth, statement in sorted(hidden, key=lambda item: -item[0]):
        place = n_sentences if depth == 100 else _nearest(tokens_before[:n_sentences], depth / 100 * tokens_before[-1])
        parts.insert(place, statement)
    return _joined(parts, needle)


def _joined(parts: Sequence[str | Statement], needle: Needle) -> tuple[str, int]:
    texts = [part if isinstance(part, str) else part.text for part in parts]
    place = next(number for number, part in enumerate(parts) if part is needle.statement)
    start = sum(len(text) + 1 for text in texts[:place]) + len(needle.statement.before)
    return " ".join(texts), start


def _nearest(counts: Sequence[int], wanted: float) -> int:
    """The index of the count that is nearest to what is wanted, the lower of two."""
    return min(range(len(counts)), key=lambda place: abs(counts[place] - wanted))
