"""Conformance of an encoder: measures the properties that a comparison takes for granted.

    python -m harness check --model MODEL [--weights WEIGHTS]

An encoder whose outputs depend on padding or on its neighbours in a batch, that is not deterministic or that loses a
tensor on the way to the disk gives scores that mean nothing. Every check measures a deviation and has a limit; a check
that raises an exception has failed, and names it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from harness.conformance.demands import CHECKS, WORDS_AS_IN_TEXT, Finding, Subject
from harness.errors import InputError, first_line
from harness.nn.determinism import random_states_restored
from harness.progress import Update


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: of the demand.
        passed: whether the encoder conforms.
        measured: the deviation, or the number of faults; ``None`` if an exception ended the check.
        limit: largest allowed value of ``measured``.
        detail: description of the comparison or of the fault.
    """

    name: str
    passed: bool
    measured: float | None
    limit: float
    detail: str


def check(
    subject: Subject, progress: Update = lambda done, total, remark="": None, only: Collection[str] = ()
) -> list[Check]:
    """Check an encoder. The model and all global random states are restored afterwards.

    Args:
        subject: the encoder.
        progress: called with the number of finished checks and of all checks.
        only: names of checks; empty for all.

    Returns:
        One outcome per check, in a fixed order.

    Raises:
        InputError: the vocabulary holds no words, or the longest input is shorter than two tokens.
    """
    if not len(subject.words):
        raise InputError(f"a vocabulary of {subject.vocab_size} ids without special ones holds no words to check with")
    if subject.max_length is not None and subject.max_length < 2:
        raise InputError(f"a longest input of {subject.max_length} tokens cannot be checked; it must be at least 2")
    model = subject.model
    demands = {name: demand for name, demand in CHECKS.items() if subject.tokenizer or name != WORDS_AS_IN_TEXT}
    demands = {name: demand for name, demand in demands.items() if not only or name in only}
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
    except Exception as error:  # an unknown encoder may raise anything; that is a finding, not the end of the report
        return Check(name, False, None, limit, f"{type(error).__name__}: {first_line(error)}")
    finally:
        subject.model.eval()
    return Check(name, measured <= limit, float(measured), limit, detail)
