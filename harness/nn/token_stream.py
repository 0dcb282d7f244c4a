"""Documents as token ids without special tokens but a separator, as masked-LM training and scoring read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def plain_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, whole and without special tokens: the characters '[MASK]' in a text are not read as the mask token.

    Args:
        tokenizer: a fast one, which works on all cores.
        texts: any number.
    """
    backend = without_batches(tokenizer)
    backend.encode_special_tokens = True
    return [encoding.ids for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=False)]


def without_batches(tokenizer: Any) -> Tokenizer:
    """A copy of the backend of a fast tokenizer that neither cuts nor pads.

    Many checkpoints save the length of their training as truncation and padding, and each call of a tokenizer changes both.
    """
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    return backend


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
