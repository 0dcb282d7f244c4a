"""Cut a long text to its beginning before tokenising it, for encoders that read no more than that.

Tokenising 50 MB takes 12 GB and minutes, even if only 64 tokens are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHARACTERS_A_TOKEN = 64
"""Only texts with more characters than this per token to read are cut: many times the length of a token in any language."""

_BLANKS = " \t\r\n"
"""Blanks that divide words for every tokenizer; some tokenizers drop other blanks and join the words on both sides."""


def beginning(text: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> str:
    """A beginning of a text with the same first `max_length` tokens and at least one more, or all of the text.

    It ends before a blank, so that its last word is complete. A text without blanks is cut anywhere, far behind its first
    `max_length` tokens.

    Args:
        text: any text; it is returned unchanged unless it is very long, or if the tokenizer truncates on the left.
        tokenizer: any fast tokenizer.
        max_length: number of tokens to read, including special tokens.
    """
    if tokenizer.truncation_side != "right":
        return text
    length = CHARACTERS_A_TOKEN * (max_length + 1)
    while len(text) > length:
        end = max(text.rfind(blank, 0, length) for blank in _BLANKS)
        part = text[: end if end > 0 else length].rstrip(_BLANKS)
        if len(tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]) > max_length:
            return part
        length *= 4  # it was mostly blanks, or characters that the tokenizer drops
    return text
