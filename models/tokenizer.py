"""The embedded tokenizer, for encoders trained from scratch: byte-level BPE trained on the embedded corpus.

Equal text gives an equal tokenizer. It is therefore trained once per machine and cached under the identity of the text.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

VOCABULARY = 8192
SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_RECIPE = f"byte-level BPE, {VOCABULARY} tokens, version 1"


def train(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train the tokenizer: byte-level BPE (Sennrich et al., 2016; Radford et al., 2019), ``[CLS] text [SEP]``.

    Args:
        texts: the training text, split in any way.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    names = list(SPECIAL_TOKENS.values())
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=names, initial_alphabet=alphabet, show_progress=False
        ),
    )
    cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(name, names.index(name)) for name in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)


def of_numbers(count: int) -> PreTrainedTokenizerFast:
    """A tokenizer of the numbers from 0 to ``count - 1``, one token each, after the special tokens. Texts are not split further."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [*SPECIAL_TOKENS.values(), *map(str, range(count))]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL_TOKENS["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL_TOKENS)


def with_mask_for_words(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A copy of a byte-level tokenizer whose mask takes the space before it, as RoBERTa's does; another tokenizer as it is.

    In byte-level BPE a space belongs to the word after it, and pretraining masks both as one token. If the mask left the space
    alone, `` [MASK]`` in running text would be two tokens, and a model would look for the rest of a word that began with a space.
    """
    from copy import deepcopy

    from tokenizers import AddedToken, Tokenizer, pre_tokenizers

    backend = getattr(tokenizer, "backend_tokenizer", None)
    mask = tokenizer.mask_token
    if (
        mask is None
        or not isinstance(backend, Tokenizer)
        or not isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel)
    ):
        return tokenizer
    if backend.get_added_tokens_decoder()[tokenizer.mask_token_id].lstrip:
        return tokenizer
    changed = deepcopy(tokenizer)
    changed.add_special_tokens({"mask_token": AddedToken(str(mask), lstrip=True, normalized=False, special=True)})
    return changed


def identity() -> str:
    """Digest of everything that affects the embedded tokenizer; it is not trained for this."""
    from tasks.sources.docstrings import packages as docstrings

    return hashlib.sha256(f"{_RECIPE} {docstrings.corpus_identity()}".encode()).hexdigest()


def embedded() -> PreTrainedTokenizerBase:
    """The embedded tokenizer, read from the cache if possible.

    Raises:
        InputError: a package of the embedded corpus is not installed.
    """
    from transformers import AutoTokenizer

    from tasks.sources.docstrings import packages as docstrings
    from tasks.sources.docstrings.cache import cache_folder

    cached = cache_folder() / f"tokenizer-{identity()[:16]}"
    with suppress(OSError):  # another user's cache may be closed to this one
        if (cached / "tokenizer.json").is_file():
            return AutoTokenizer.from_pretrained(cached)
    tokenizer = train(docstrings.prose("train"))
    try:
        _save(tokenizer, cached)
        return AutoTokenizer.from_pretrained(cached)
    except OSError:
        return tokenizer  # without a cache every run trains it again


def _save(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save in one step, so that another process never sees a part of the tokenizer."""
    from tasks.sources.folders import new_beside

    unfinished = new_beside(folder)
    try:
        tokenizer.save_pretrained(unfinished)
        unfinished.rename(folder)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not (folder / "tokenizer.json").is_file():
            raise
