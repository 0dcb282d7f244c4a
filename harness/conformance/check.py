"""Conformance of an encoder: what a comparison takes for granted, measured.

    python -m harness check --model MODEL [--weights WEIGHTS]

An encoder whose outputs depend on padding or on its neighbours in a batch, that is not deterministic or that loses a
tensor on the way to the disk gives scores that mean nothing. Every check measures a deviation and has a limit; a check
that meets an exception has failed, and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from harness.conformance.demands import CHECKS, WORDS_AS_IN_TEXT, Door, Finding, Subject
from harness.errors import InputError, first_line
from harness.nn.determinism import random_states_restored
from harness.progress import Update
from models.encoder import refuse_longer


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: what was checked.
        passed: whether the encoder conforms.
        measured: the deviation, or the number of faults; ``None`` where an exception ended the check.
        limit: the most that ``measured`` may be.
        detail: what was compared, or what went wrong.
    """

    name: str
    passed: bool
    measured: float | None
    limit: float
    detail: str


def check(
    model: Any,
    vocab_size: int,
    pad_token_id: int,
    special_token_ids: Collection[int] = (),
    max_length: int | None = None,
    *,
    model_options: Mapping[str, Any] = MappingProxyType({}),
    door: Door = refuse_longer,
    tokenizer: Any = None,
    seed: int = 0,
    progress: Update = lambda done, total, remark="": None,
) -> list[Check]:
    """Check an encoder; it is left as it was, and so are all global random states.

    Args:
        model: a bare `transformers` model in float32: ``input_ids`` and ``attention_mask`` of shape (batch, length) in,
            ``last_hidden_state`` of shape (batch, length, width) out.
        vocab_size: ids run from 0 to ``vocab_size`` - 1.
        pad_token_id: the id of padding.
        special_token_ids: ids that are no words; texts are drawn from all others.
        max_length: longest input in tokens, special tokens included; ``None`` where nothing ends it.
        model_options: what ``from_pretrained`` of its class needs besides the folder.
        door: what refuses longer inputs, see `models.encoder.refuse_longer`.
        tokenizer: the encoder's own; without it the check of how it reads words is left out.
        seed: of the texts.
        progress: called with the number of checks done and in all.

    Returns:
        One outcome a check, in a fixed order.

    Raises:
        InputError: the vocabulary holds no words, or the longest input is shorter than two tokens.
    """
    words = sorted(set(range(vocab_size)) - {pad_token_id, *special_token_ids})
    if not words:
        raise InputError(f"a vocabulary of {vocab_size} ids without special ones holds no words to check with")
    if max_length is not None and max_length < 2:
        raise InputError(f"a longest input of {max_length} tokens cannot be checked; it must be at least 2")
    generator, vocabulary = torch.Generator().manual_seed(seed), torch.tensor(words)
    # 300 tokens are more than one window of local attention and more than one split of Avey-B.
    lengths = sorted({min(length, max_length or length) for length in (7, 40, 300)})
    texts = (vocabulary[torch.randint(len(words), (length,), generator=generator)] for length in lengths)
    subject = Subject(
        model,
        texts=tuple(text.to(model.device) for text in texts),
        words=vocabulary.to(model.device),
        padding=pad_token_id,
        max_length=max_length,
        model_options=model_options,
        door=door,
        tokenizer=tokenizer,
    )
    demands = {name: demand for name, demand in CHECKS.items() if tokenizer or name != WORDS_AS_IN_TEXT}
    was_training = model.training
    model.eval()
    try:
        with random_states_restored():
            checks = []
            for number, (name, (limit, examine)) in enumerate(demands.items()):
                progress(number, len(demands), name)
                checks.append(_outcome(name, limit, examine, subject))
            return checks
    finally:
        model.zero_grad(set_to_none=True)
        model.train(was_training)


def _outcome(name: str, limit: float, examine: Callable[[Subject], Finding], subject: Subject) -> Check:
    try:
        measured, detail = examine(subject)
    except Exception as error:  # whatever an unknown encoder raises is a finding, not the end of the report
        return Check(name, False, None, limit, f"{type(error).__name__}: {first_line(error)}")
    finally:
        subject.model.eval()
    return Check(name, measured <= limit, float(measured), limit, detail)
