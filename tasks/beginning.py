"""The beginning of a text, where an encoder reads no more: what is cut off need not be tokenised.

Tokenising 50 MB takes 12 GB and minutes, even if 64 tokens of it are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHARACTERS_A_TOKEN = 64
"""Only a text of more characters for every token that is read is cut: many times as many as tokens have in any language."""

_BLANKS = " \t\r\n"
"""What divides words for every tokenizer; some drop other blanks, and so join what was on either side."""


def beginning(text: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> str:
    """A beginning of a text with the same first `max_length` tokens and at least one more, or all of the text.

    It ends before a blank, so that its last word is whole. A text without blanks is cut anywhere, which is far behind its
    first `max_length` tokens.

    Args:
        text: any text; one that is not absurdly long is given back as it is, as is any where a tokenizer reads the end.
        tokenizer: any fast tokenizer.
        max_length: tokens that are read, special tokens included.
    """
    if tokenizer.truncation_side != "right":
        return text
    length = CHARACTERS_A_TOKEN * (max_length + 1)
    while len(text) > length:
        end = max(text.rfind(blank, 0, length) for blank in _BLANKS)
        part = text[: end if end > 0 else length].rstrip(_BLANKS)
        if len(tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]) > max_length:
            return part
        length *= 4  # mostly blanks, or what the tokenizer drops
    return text
