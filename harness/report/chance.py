"""Whether scores are better than an answer that never looks at the input."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from harness.store.record import TaskEntry

_ERRORS = 2
"""Standard errors above the score of a constant answer, from which a score is no longer called chance."""


def guess_of(task: TaskEntry) -> float | None:
    """The score of the best constant answer, such as the most frequent label or "no answer".

    Returns:
        ``None`` where it is not above 0, as in tagging, or is not recorded.
    """
    return task.get("constant_guess") or None


def limit_of(task: TaskEntry) -> float:
    """The highest score that is not clearly better than a constant answer.

    It is the constant answer's score plus two standard errors for the number of test examples: sqrt((g - lowest) (1 - g) / n),
    which is the binomial error of an accuracy and the error of a correlation of 0.
    """
    guess, lowest = task.get("constant_guess", 0.0), task.get("lowest", 0.0)
    return guess + _ERRORS * sqrt(max(0.0, (guess - lowest) * (1 - guess)) / max(task.get("n_test", 1), 1))


def at_chance(task: TaskEntry, scores: Iterable[float]) -> bool:
    """Whether no score is clearly better than a constant answer, or than 0 where none is recorded."""
    return max(scores) <= limit_of(task)


def sentence_of(task: TaskEntry) -> str:
    """What is said of a dataset on which no model is better than a constant answer."""
    guess = guess_of(task)
    return (
        f"At chance: no model is clearly better than one constant answer, which scores {guess:.4f}"
        if guess
        else "No model is clearly better than 0"
    )
