"""How the family ``lm`` scores its datasets: a text by the loss of its masked tokens, minimal pairs by their likelihoods."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tasks.excerpt import excerpt
from tasks.sources.minimal_pair import MinimalPair
from tasks.sources.passage import Passage
from tasks.task import Row

BITS_SAVED = "bits_saved"
ACCURACY = "accuracy"
BITS_A_BYTE = 8
EVERY = "all"


@dataclass(frozen=True)
class PassageLoss:
    """How well the masked tokens of a passage were predicted.

    Attributes:
        nats: the sum of their losses.
        right: how many were predicted right.
        masked: how many there were; 0 of a passage of which no token was drawn.
        bytes: how many UTF-8 bytes they stand for.
    """

    nats: float
    right: int
    masked: int
    bytes: float


@dataclass(frozen=True)
class PairScores:
    """The pseudo-log-likelihoods of both sentences of a pair, in nats."""

    good: float
    bad: float

    @property
    def is_right(self) -> bool:
        """Whether the good sentence is the more likely one; a tie is wrong."""
        return self.good > self.bad


class Measure(Protocol):
    """One of the ways in which the family scores its datasets.

    Attributes:
        head: which kind of run it takes, see `tasks.task.Task.head`.
        metric: the main metric.
        options: the option that it takes, with its default.
    """

    head: str
    metric: str
    options: Mapping[str, str]

    def score(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
        """See `Task.score`."""
        ...

    def rows(self, examples: Sequence[Any], predictions: Sequence[Any]) -> list[Row]:
        """See `Task.rows`."""
        ...

    def texts(self, example: Any) -> tuple[str, ...]:
        """See `Task.texts`."""
        ...


class TextLoss:
    """The loss of masked tokens in running text, at 15 % with fixed masks."""

    head = "masked_lm"
    metric = BITS_SAVED
    options: Mapping[str, str] = {"tokens": "65536"}

    def score(self, examples: Sequence[Passage], predictions: Sequence[PassageLoss]) -> dict[str, float]:
        """``bits_saved``, ``bits_per_byte``, ``loss`` in nats a masked token, and ``accuracy`` of masked tokens.

        ``bits_saved`` is 1 - bits_per_byte / 8: the share that the model saves of the eight bits of a byte. It orders models
        as bits_per_byte does, with the best on top, and is the main metric since everything that ranks takes more for better.
        """
        nats, right, masked, size = (
            sum(getattr(one, name) for one in predictions) for name in ("nats", "right", "masked", "bytes")
        )
        if not masked:
            return {}
        bits = nats / math.log(2) / size
        return {
            BITS_SAVED: 1 - bits / BITS_A_BYTE,
            "bits_per_byte": bits,
            "loss": nats / masked,
            ACCURACY: right / masked,
        }

    def rows(self, examples: Sequence[Passage], predictions: Sequence[PassageLoss]) -> list[Row]:
        """Beginning and loss of each passage; ``terms`` are the bits that the model saves, and all bits, of its masked bytes."""
        return [
            {
                "id": passage.id,
                "text": excerpt(passage.text),
                "gold": None,
                "predicted": None,
                "nats": round(found.nats, 6),
                "right": found.right,
                "masked": found.masked,
                "terms": [BITS_A_BYTE * found.bytes - found.nats / math.log(2), BITS_A_BYTE * found.bytes],
            }
            for passage, found in zip(examples, predictions, strict=True)
        ]

    def texts(self, example: Passage) -> tuple[str, ...]:
        """See `Task.texts`."""
        return (example.text,)


class PairAccuracy:
    """Whether the good sentence of a minimal pair has the higher pseudo-log-likelihood."""

    head = "pseudo_likelihood"
    metric = ACCURACY
    options: Mapping[str, str] = {"pairs": EVERY}

    def score(self, examples: Sequence[MinimalPair], predictions: Sequence[PairScores]) -> dict[str, float]:
        """``accuracy``, the mean over paradigms, and that of each paradigm, of each field and of each term.

        A field's and a term's are means over their paradigms. Equal likelihoods count as wrong.
        """
        right: dict[str, list[bool]] = defaultdict(list)
        kinds: dict[str, list[str]] = defaultdict(list)
        for pair, found in zip(examples, predictions, strict=True):
            if pair.paradigm not in right:
                for kind in ("field", "term"):
                    if name := getattr(pair, kind):
                        kinds[f"{ACCURACY}.{kind}.{name}"].append(pair.paradigm)
            right[pair.paradigm].append(found.is_right)
        if not right:
            return {}
        of_paradigm = {name: float(np.mean(found)) for name, found in right.items()}
        means = {kind: float(np.mean([of_paradigm[name] for name in names])) for kind, names in kinds.items()}
        each = {f"{ACCURACY}.{name}": value for name, value in of_paradigm.items()}
        return {ACCURACY: float(np.mean(list(of_paradigm.values())))} | means | each

    def rows(self, examples: Sequence[MinimalPair], predictions: Sequence[PairScores]) -> list[Row]:
        """Both sentences and their likelihoods; ``terms`` weigh a pair so that every paradigm has the same weight."""
        sizes: dict[str, int] = defaultdict(int)
        for pair in examples:
            sizes[pair.paradigm] += 1
        return [
            {
                "id": pair.id,
                "paradigm": pair.paradigm,
                "gold": pair.good,
                "predicted": pair.good if found.is_right else pair.bad,
                "other": pair.bad,
                "likelihoods": [round(found.good, 6), round(found.bad, 6)],
                "terms": [weight * found.is_right, weight],
            }
            for pair, found in zip(examples, predictions, strict=True)
            for weight in [len(examples) / len(sizes) / sizes[pair.paradigm]]
        ]

    def texts(self, example: MinimalPair) -> tuple[str, ...]:
        """See `Task.texts`."""
        return example.good, example.bad


TEXT, PAIRS = TextLoss(), PairAccuracy()
