"""Sequences of multi-query associative recall (MQAR; Arora et al., 2023, "Zoology", arXiv 2312.04927).

A sequence begins with pairs of a key and its value, ``k1 v1 k2 v2 ...``. After them every key comes once more, as a query, and
its value is the answer. The slots of the queries follow a power law, as the gaps between repetitions in language do. This is
the definition of the authors' code (HazyResearch/zoology, ``zoology/data/multiquery_ar.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from tasks.data import SPLITS, Split

VERSION = 3
"""Increases with every change of the rules that affects the sequences."""
POWER = 0.01
"""The exponent a of the power law: slot i, counted from 1, has a probability proportional to a i^(a - 1)."""
FILLERS = ("zero", "random")
"""Tokens between the queries: token 0, as in the paper's experiments, or any token, keys and values among them."""
ATTEMPTS = 1000
"""Draws for one new sequence before the vocabulary counts as exhausted."""


class Point(NamedTuple):
    """The difficulty of a sequence.

    Attributes:
        length: tokens of the sequence.
        pairs: pairs of a key and a value; each key is asked for once.
    """

    length: int
    pairs: int

    def __str__(self) -> str:
        return f"{self.length}:{self.pairs}"


@dataclass(frozen=True, slots=True, eq=False)
class KeyedSequence:
    """One sequence; tokens are numbers below the size of the vocabulary.

    Attributes:
        id: unique within its split.
        point: its length and number of pairs.
        tokens: (length,).
        queries: (pairs,) positions of the queries, increasing.
        values: (pairs,) the token that answers each query.
    """

    id: str
    point: Point
    tokens: NDArray[np.int64]
    queries: NDArray[np.int64]
    values: NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """The rules that all sequences of a dataset share.

    Attributes:
        vocabulary: number of tokens V. Keys are from 1 to V/2 - 1, values from V/2 to V - 1.
        fillers: one of `FILLERS`.
    """

    vocabulary: int
    fillers: str

    @property
    def first_value(self) -> int:
        """The smallest token that is a value."""
        return self.vocabulary // 2

    @property
    def n_values(self) -> int:
        """The number of different values."""
        return self.vocabulary - self.first_value

    def refuse(self, point: Point) -> None:
        """Refuse a point at which no sequence can be drawn.

        Raises:
            InputError: the length is odd or too short for the pairs, or there are too few tokens.
        """
        length, pairs = point
        if length % 2 or 4 * pairs > length:
            raise InputError(
                f"{point} is not possible: a sequence with {pairs} pairs has an even length of at least {4 * pairs} tokens"
            )
        if self.vocabulary <= length or pairs > self.first_value - 1:
            raise InputError(
                f"{point} is not possible with a vocabulary of {self.vocabulary} tokens; use one of more than "
                f"{max(length, 2 * pairs + 1)}"
            )


def slot_probabilities(slots: int) -> NDArray[np.float64]:
    """The probability of each of the slots after the pairs, (slots,); see `POWER`."""
    weights = POWER * np.arange(1, slots + 1) ** (POWER - 1)
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def splits_of(rules: Rules, sizes: Mapping[Split, Mapping[Point, int]]) -> dict[Split, list[KeyedSequence]]:
    """Sequences for every split; no sequence occurs twice.

    The sequences of dev and test at one point are the same whatever other points there are, and more of them begin with those
    of fewer. Training sequences of different points are mixed.

    Args:
        rules: of all sequences.
        sizes: the number of sequences at each point of each split.

    Raises:
        InputError: see `Rules.refuse`, or the vocabulary is too small for so many different sequences.
    """
    seen: set[bytes] = set()
    # Test first, so that it does not depend on the size of the other splits.
    drawn = {split: [*_all_new(split, rules, sizes[split], seen)] for split in reversed(SPLITS)}
    order = _generator(rules, "order").permutation(len(drawn["train"]))
    drawn["train"] = [drawn["train"][index] for index in order]
    return drawn


def fingerprint(splits: Mapping[Split, Sequence[KeyedSequence]]) -> str:
    """sha256 (hex) over the sequences and their answers."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for one in splits[split]:
            digest.update(f"{split} {one.point}".encode())
            for numbers in (one.tokens, one.queries, one.values):
                digest.update(numbers.astype("<i8").tobytes())
    return digest.hexdigest()


def _all_new(split: Split, rules: Rules, sizes: Mapping[Point, int], seen: set[bytes]) -> Iterator[KeyedSequence]:
    for point, size in sizes.items():
        rules.refuse(point)
        random = _generator(rules, split, *point)
        for number in range(size):
            yield _new(f"L{point.length}-P{point.pairs}-{number}", point, rules, random, seen)


def _new(name: str, point: Point, rules: Rules, random: np.random.Generator, seen: set[bytes]) -> KeyedSequence:
    """A sequence that was not drawn before."""
    for _ in range(ATTEMPTS):
        one = _drawn(name, point, rules, random)
        if (content := one.tokens.tobytes()) not in seen:
            seen.add(content)
            return one
    raise InputError(
        f"a vocabulary of {rules.vocabulary} tokens has too few different sequences of {point}; use a larger vocabulary or fewer "
        "examples"
    )


def _drawn(name: str, point: Point, rules: Rules, random: np.random.Generator) -> KeyedSequence:
    length, pairs = point
    keys = 1 + random.choice(rules.first_value - 1, pairs, replace=False)
    values = rules.first_value + random.choice(rules.n_values, pairs, replace=False)
    slots = (length - 2 * pairs) // 2
    queries = 2 * pairs + 2 * random.choice(slots, pairs, replace=False, p=slot_probabilities(slots))
    tokens = np.zeros(length, np.int64) if rules.fillers == "zero" else random.integers(rules.vocabulary, size=length)
    tokens[0 : 2 * pairs : 2], tokens[1 : 2 * pairs : 2], tokens[queries] = keys, values, keys
    order = queries.argsort()
    return KeyedSequence(name, point, tokens, queries[order], values[order])


def _generator(rules: Rules, *place: str | int) -> np.random.Generator:
    """A generator that depends only on the rules and the place of the sequences."""
    digest = hashlib.sha256(json.dumps([VERSION, rules.vocabulary, rules.fillers, *place]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
