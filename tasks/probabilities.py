"""Probabilities of labels: from logits, in rows of predictions, and how well they are calibrated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
"""Bins of the expected calibration error, as in Guo et al. (2017)."""
DIGITS = 4
"""Decimals of a probability in rows of predictions."""
MANY = 150
"""From this many labels on, a row holds only some of their probabilities, so that predictions stay small."""
MOST_PROBABLE = 5
"""The number of labels whose probabilities are in a row in any case."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The label that was chosen for a text.

    Attributes:
        label: the chosen one.
        names: of all labels of the model, each once; empty if no model chose.
        probabilities: shape (names,): of each.
    """

    label: str
    names: tuple[str, ...] = ()
    probabilities: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def of(self, label: str) -> float:
        """The probability of a label; 0 for one that the model does not have."""
        return float(self.probabilities[self.names.index(label)]) if label in self.names else 0.0

    def listed(self, gold: str) -> dict[str, float]:
        """The probabilities for a row of predictions, see `listed`; empty if no model chose."""
        return listed(self.names, self.probabilities, {gold, self.label})


@dataclass(frozen=True)
class Reliability:
    """Probabilities against outcomes, in bins of equal width over (0, 1].

    Attributes:
        counts: shape (bins,): the number of events whose probability is in the bin; one of exactly 0 is in the first.
        confidence: shape (bins,): their mean probability; 0 in an empty bin.
        frequency: shape (bins,): the share of them that happened; 0 in an empty bin.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    frequency: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error (Guo et al., 2017): the mean distance of both over all events; 0 if there are none."""
        total = self.counts.sum()
        return float((self.counts * np.abs(self.confidence - self.frequency)).sum() / total) if total else 0.0


def reliability(probabilities: ArrayLike, happened: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort events into bins by their probability.

    Args:
        probabilities: shape (events,): between 0 and 1.
        happened: shape (events,): 1 for each event that happened, else 0.
        bins: their number.
    """
    sure, true = (np.asarray(side, np.float64) for side in (probabilities, happened))
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    means = [np.bincount(place, side, bins) / np.maximum(counts, 1) for side in (sure, true)]
    return Reliability(counts, *means)


def calibration_scores(gold: Sequence[str], found: Sequence[Choice]) -> dict[str, float]:
    """How well probabilities are calibrated; both are 0 at best.

    ``ece`` is the expected calibration error of the chosen labels (Guo et al., 2017) with `BINS` bins of equal width. ``brier`` is
    the mean over examples of the squared differences between the probability of each label and 1 or 0, summed over the labels
    (Brier, 1950): between 0 and 2, so with two labels twice what scikit-learn gives by default.

    Args:
        gold: the label of each example.
        found: as many choices.

    Returns:
        Empty if there are no examples, or if no model chose.
    """
    if not found or not all(choice.names for choice in found):
        return {}
    right = [choice.label == label for choice, label in zip(found, gold, strict=True)]
    of_gold = np.array([choice.of(label) for choice, label in zip(found, gold, strict=True)])
    squares = np.array([(choice.probabilities**2).sum() for choice in found])
    return {
        "ece": reliability([choice.of(choice.label) for choice in found], right).error,
        "brier": float((squares - 2 * of_gold + 1).mean()),
    }


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities from logits, both of shape (..., outputs)."""
    from scipy.special import softmax as over

    probabilities: NDArray[np.float64] = over(logits.astype(np.float64), axis=-1)
    return probabilities


def choices(logits: Sequence[NDArray[np.float32]], outputs: Sequence[str]) -> list[Choice]:
    """The label of the most probable output for each text; outputs with the same name are one label and add up.

    Args:
        logits: shape (texts, outputs).
        outputs: their labels.
    """
    if not logits:
        return []
    table = np.stack(logits)
    names = tuple(dict.fromkeys(outputs))
    same = np.array([[output == name for name in names] for output in outputs], np.float64)
    return [
        Choice(outputs[best], names, probabilities)
        for best, probabilities in zip(table.argmax(axis=-1).tolist(), softmax(table) @ same, strict=True)
    ]


def listed(names: Sequence[str], probabilities: NDArray[np.float64], always: Collection[str]) -> dict[str, float]:
    """Probabilities for a row of predictions, rounded, the most probable label first.

    Args:
        names: of the labels.
        probabilities: of each.
        always: labels that are listed however many labels there are; those without a probability are left out.
    """
    order = np.argsort(-probabilities, kind="stable")
    if len(names) >= MANY:
        kept = {*order[:MOST_PROBABLE].tolist(), *(place for place, name in enumerate(names) if name in always)}
        order = order[np.isin(order, list(kept))]
    return {names[place]: round(float(probabilities[place]), DIGITS) for place in order}
