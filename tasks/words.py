"""Tokenise pre-split words with the tokens that they have in running text.

A byte-level tokenizer keeps the space before a word in the word's first token. A word by itself has no space before it, so
"lives" would get different tokens than in "Anna lives" (huggingface/transformers#37883).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

PROBE = (
    *("Anna", "didn't", "pay", "3.50", "for", "Zoë's", "e-mail", "in", "Kraków", ",", "said", "IBM-based", "U.S."),
    *("officials", "'s", "東京", "--", "(2024)", "I'LL", "."),
)
"""Words in which tokenizers differ: capitals, contractions, numbers, punctuation, other scripts."""

NEIGHBOUR = "in"
"""The word on both sides of a probed word; it has the same tokens in any sentence."""


def read_words(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], **options: Any) -> BatchEncoding:
    """Tokenise sentences that are split into words; every word gets the tokens that it has in running text.

    Args:
        tokenizer: any fast tokenizer.
        sentences: the words of each sentence.
        options: of the tokenizer.

    Returns:
        The tokenizer's `BatchEncoding`; its ``word_ids`` are indices of the given words.

    Raises:
        InputError: the tokenizer reads a single word differently than in running text, with or without a space before it.
    """
    return _read(tokenizer, sentences, _space_before(tokenizer), **options)


def words_of_vocabulary(tokenizer: PreTrainedTokenizerBase, most: int) -> list[str]:
    """At most this many tokens that are words, evenly spaced over the vocabulary, so that they are of its language."""
    special = set(tokenizer.all_special_ids)
    ids = [number for number in range(0, len(tokenizer), -(-len(tokenizer) // most)) if number not in special]
    words = dict.fromkeys(tokenizer.decode([number]).strip() for number in ids)
    return [word for word in words if word.isalnum()]


def _space_before(tokenizer: PreTrainedTokenizerBase) -> str:
    """The prefix that a word needs: nothing if the tokenizer separates words itself, or the space of running text."""
    words = [*PROBE, *words_of_vocabulary(tokenizer, 100)]
    space = min(("", " "), key=lambda space: len(_misread(tokenizer, words, space)))
    if misread := _misread(tokenizer, PROBE, space):
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path or 'this encoder'} gives the word {misread[0]} different tokens "
            "alone than in a text, so the words of a sentence cannot be tagged; use other weights"
        )
    return space


def _misread(tokenizer: PreTrainedTokenizerBase, words: Sequence[str], space: str) -> list[str]:
    """The words that get different tokens than in running text if each is given with this prefix."""
    sentences = [(NEIGHBOUR, word, NEIGHBOUR) for word in words]
    texts = tokenizer([" ".join(sentence) for sentence in sentences], add_special_tokens=False, verbose=False)[
        "input_ids"
    ]
    read = _read(tokenizer, sentences, space, add_special_tokens=False, verbose=False)
    misread = []
    for index, (ids, text) in enumerate(zip(read["input_ids"], texts, strict=True)):
        # The first word is left out: no space precedes it in the text.
        own = [token for token, word in zip(ids, read.word_ids(index), strict=True) if word]
        if own != text[len(text) - len(own) :]:
            misread.append(words[index])
    return misread


def _read(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], space: str, **options: Any
) -> BatchEncoding:
    spaced = [[space + word for word in words] for words in sentences]
    return tokenizer(spaced, is_split_into_words=True, **options)
