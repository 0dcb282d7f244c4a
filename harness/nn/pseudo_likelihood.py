"""Pseudo-log-likelihoods of sentences by a masked language model, in the variant *within-word left to right*.

A sentence's is the sum of the log-probabilities of its tokens, each predicted with itself and the later tokens of its own
word masked (Kauf and Ivanova 2023, arXiv 2305.10588). Without the latter, the rest of a word of several tokens gives the
token away, and rare words score too high (Salazar et al. 2020). Words are those of the tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from harness.machine import memory
from harness.nn.inference import autocast, batches_by_tokens
from harness.nn.masked_lm import MASKED_TOKENS_PER_BATCH, Scorer
from harness.nn.packed import packed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SENTENCES_AT_ONCE = 1024
"""Whose masked copies are made together; more would only take memory."""
_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sentence as model input.

    Attributes:
        ids: (length,) with special tokens.
        scored: (tokens,) positions of those that are not special.
        ends: (tokens,) for each of them the position after the last token of its word.
    """

    ids: NDArray[np.int64]
    scored: NDArray[np.int64]
    ends: NDArray[np.int64]


def tokens_of(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[str]) -> list[Tokens]:
    """The tokens of sentences and the words that they belong to.

    Args:
        tokenizer: a fast one.
        sentences: any number.
    """
    encoded = tokenizer(list(sentences), verbose=False)
    return [_tokens(encoding.ids, encoding.word_ids) for encoding in encoded.encodings or ()]


def _tokens(ids: Sequence[int], words: Sequence[int | None]) -> Tokens:
    ends, end = [], len(words)
    for place in reversed(range(len(words))):
        if place + 1 == len(words) or words[place] != words[place + 1]:
            end = place + 1
        ends.append(end)
    scored = [place for place, word in enumerate(words) if word is not None]
    after = list(reversed(ends))
    return Tokens(np.array(ids), np.array(scored, np.int64), np.array([after[place] for place in scored], np.int64))


@torch.inference_mode()
def pseudo_log_likelihoods(
    scorer: Scorer,
    sentences: Sequence[Tokens],
    tokenizer: PreTrainedTokenizerBase,
    precision: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float64]:
    """The pseudo-log-likelihood of each sentence, in nats, of the shape (sentences,).

    Every token takes one masked copy of its sentence; copies of similar lengths go through the model together.

    Args:
        scorer: the model, in evaluation mode.
        sentences: any number.
        tokenizer: has the mask and the padding token.
        precision: ``fp32`` or ``bf16``.
        progress: called with the number of sentences done and in all.
    """
    found = np.zeros(len(sentences))
    order = sorted(range(len(sentences)), key=lambda index: -len(sentences[index].ids))
    with packed(scorer, precision):
        for start in range(0, len(order), SENTENCES_AT_ONCE):
            some = order[start : start + SENTENCES_AT_ONCE]
            copies = [(index, place) for index in some for place in range(len(sentences[index].scored))]
            # Rounded up to the padded length: oneDNN keeps compiled code in memory for every shape of a batch.
            lengths = [-(-len(sentences[index].ids) // _MULTIPLE) * _MULTIPLE for index, _ in copies]
            for chosen in batches_by_tokens(lengths, MASKED_TOKENS_PER_BATCH):
                batch = [copies[one] for one in chosen]
                scores = _scores(scorer, [(sentences[index], place) for index, place in batch], tokenizer, precision)
                np.add.at(found, [index for index, _ in batch], scores)
            memory.give_back()
            progress(min(start + SENTENCES_AT_ONCE, len(order)), len(order))
    return found


def _scores(
    scorer: Scorer, copies: Sequence[tuple[Tokens, int]], tokenizer: PreTrainedTokenizerBase, precision: str
) -> NDArray[np.float64]:
    """The log-probability (copies,) of one token in each masked copy."""
    device = next(scorer.parameters(), torch.empty(0)).device  # packed layers have no parameters
    longest = max(len(sentence.ids) for sentence, _ in copies)
    width = -(-longest // _MULTIPLE) * _MULTIPLE
    ids = np.full((len(copies), width), tokenizer.pad_token_id, np.int64)
    mask = np.zeros_like(ids)
    places, labels = np.empty(len(copies), np.int64), np.empty(len(copies), np.int64)
    for row, (sentence, number) in enumerate(copies):
        length, place = len(sentence.ids), sentence.scored[number]
        ids[row, :length], mask[row, :length] = sentence.ids, 1
        ids[row, place : sentence.ends[number]] = tokenizer.mask_token_id
        places[row], labels[row] = row * width + place, sentence.ids[place]
    with autocast(device, precision):
        scores = scorer(*(torch.from_numpy(one).to(device) for one in (ids, mask, places)))
    chosen = scores.gather(1, torch.from_numpy(labels).to(device)[:, None])[:, 0]
    log_probabilities: NDArray[np.float64] = chosen.double().cpu().numpy()
    return log_probabilities
