"""Documents as token ids without special tokens but a separator, as masked-LM training and scoring read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import InputError


def plain_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, without special tokens: the characters '[MASK]' in a text are not read as the mask token.

    Args:
        tokenizer: a fast one, which works on all cores.
        texts: any number.
    """
    backend = tokenizer.backend_tokenizer
    before = backend.encode_special_tokens
    backend.encode_special_tokens = True
    try:
        return [encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=False)]
    finally:
        backend.encode_special_tokens = before


def separator_id(tokenizer: Any) -> int:
    """The id between two documents.

    Raises:
        InputError: the tokenizer has none, or no mask token.
    """
    separator = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if separator is None or tokenizer.mask_token_id is None:
        missing = "separator" if separator is None else "mask token"
        raise InputError(f"the tokenizer has no {missing}, which a masked language model needs; choose another")
    return int(separator)
