"""Hide needles in a stretch of haystack, so that the input has a given number of tokens.

The stretch is cut at a word, so an input has the requested length or is shorter by less than the next word. The place of
the answer is known from building the text; it is never searched for.
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
"""Amount of text that is tokenised at first; it is doubled until there are enough tokens."""

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
    """Build the context that, after its question, fills an input of `length` tokens, including special tokens
    (or a share of it, if the needle has one).

    A needle is put between two sentences, at the place nearest to its depth, counted in tokens of the haystack. At a depth
    of 100 it comes last, after a stretch that may end within a sentence.

    Args:
        needle: the needle with its haystack.
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
    # Some tokenizers join or split tokens of separately counted parts: then a few words more or less are tried.
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
            f"longer than an input of {length}; use longer inputs (lengths, --max-length) or fewer distractors"
        )
    return found


@dataclass(frozen=True)
class _Stretch:
    """Sentences of a haystack with the number of tokens of its beginnings: `tokens[n]` of the first n + 1 words."""

    sentences: Sequence[str]
    words_before: Sequence[int]  # of each sentence
    tokens: Sequence[int]

    def n_words_of(self, tokens: int) -> int:
        """The largest number of words that fit into this number of tokens."""
        return bisect_right(self.tokens, tokens)

    def tokens_of(self, words: int) -> int:
        """Tokens of the first words."""
        return self.tokens[words - 1] if words else 0


def _stretch(needle: Needle, tokens: int, tokenizer: PreTrainedTokenizerBase) -> _Stretch:
    """The haystack from the needle's first sentence on, with more than this number of tokens."""
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
    """The first words of a stretch with the statements between its sentences, and the first character of the answer."""
    n_sentences = bisect_right(stretch.words_before, n_words - 1)
    last = stretch.sentences[n_sentences - 1].split()[: n_words - stretch.words_before[n_sentences - 1]]
    parts: list[str | Statement] = [*stretch.sentences[: n_sentences - 1], " ".join(last)]
    tokens_before = [stretch.tokens_of(words) for words in stretch.words_before[:n_sentences]]
    tokens_before.append(stretch.tokens_of(n_words))
    hidden = [(needle.depth, needle.statement), *((depth, other) for other, depth in needle.distractors)]
    # The deepest first, so that the places of the others do not move.
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
    """The index of the count that is nearest to the wanted one; of two, the lower."""
    return min(range(len(counts)), key=lambda place: abs(counts[place] - wanted))
