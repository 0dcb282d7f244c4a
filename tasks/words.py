"""Words that are given one by one, read with the tokens that they have in running text.

A byte-level tokenizer keeps the space before a word in the word's first token. A word that is given by itself has no space
before it, so "lives" would get other tokens than in "Anna lives" (huggingface/transformers#37883).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import InputError

PROBE = (
    "Anna", "didn't", "pay", "3.50", "for", "Zoë's", "e-mail", "in", "Kraków", ",", "said", "IBM-based", "U.S.",
    "officials", "'s", "東京", "--", "(2024)", "I'LL", ".",
)  # fmt: skip
"""Words in which tokenizers differ: capitals, contractions, numbers, punctuation, other scripts."""

NEIGHBOUR = "in"
"""The word on both sides of a word that is probed; it has the same tokens in any sentence."""


def read_words(tokenizer: Any, sentences: Sequence[Sequence[str]], **options: Any) -> Any:
    """Tokenise sentences that are split into words; every word gets the tokens that it has within a running text.

    Args:
        tokenizer: any fast tokenizer.
        sentences: the words of each sentence.
        options: passed on to the tokenizer.

    Returns:
        The tokenizer's `BatchEncoding`; its ``word_ids`` count the words as they were given.

    Raises:
        InputError: this tokenizer reads a word by itself otherwise than in running text, with or without a space before it.
    """
    return _read(tokenizer, sentences, _space_before(tokenizer), **options)


def _space_before(tokenizer: Any) -> str:
    """What a word needs before it: nothing, where the tokenizer separates words itself, or the space of running text."""
    for space in ("", " "):
        if (misread := _misread(tokenizer, space)) is None:
            return space
    raise InputError(
        f"the tokenizer of {tokenizer.name_or_path or 'this encoder'} gives the word {misread} other tokens by itself than in a "
        "text, so the words of a sentence cannot be tagged; use other weights"
    )


def _misread(tokenizer: Any, space: str) -> str | None:
    """The first probed word whose tokens are not those of the running text; ``None`` if all words are read well."""
    sentences = [(NEIGHBOUR, word, NEIGHBOUR) for word in PROBE]
    texts = tokenizer([" ".join(words) for words in sentences], add_special_tokens=False, verbose=False)["input_ids"]
    read = _read(tokenizer, sentences, space, add_special_tokens=False, verbose=False)
    for index, ids in enumerate(read["input_ids"]):
        # The first word is left out: no space precedes it in the text.
        own = [token for token, word in zip(ids, read.word_ids(index), strict=True) if word]
        if own != texts[index][len(texts[index]) - len(own) :]:
            return PROBE[index]
    return None


def _read(tokenizer: Any, sentences: Sequence[Sequence[str]], space: str, **options: Any) -> Any:
    spaced = [[space + word for word in words] for words in sentences]
    return tokenizer(spaced, is_split_into_words=True, **options)
