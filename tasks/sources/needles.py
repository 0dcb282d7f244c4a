"""Needles: sentences that give a word, a number or the value for a key, and a question that asks for it.

The statement, its depth and the beginning of its haystack are drawn once and are the same for every encoder. Only the amount of
haystack that fills a length depends on the tokenizer (see `tasks.hiding`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import product

import numpy as np

from tasks.data import SPLITS, Split
from tasks.sources.haystack import CONSONANTS, LAST_LETTERS, VOWELS, Haystack

VERSION = 1
"""Increases with every change of the rules that affects the needles."""

KINDS = ("word", "number", "key-value")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence to hide: `before`, `answer` and `after`."""

    before: str
    answer: str
    after: str = "."

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.before}{self.answer}{self.after}"


@dataclass(frozen=True, slots=True)
class Needle:
    """A question and the sentence that answers it, to be hidden in a haystack.

    Attributes:
        id: unique within its split.
        kind: one of `KINDS`.
        question: asks for the statement's answer.
        statement: contains the answer.
        depth: place of the statement, as the percentage of the haystack before it.
        start: first sentence of the haystack in the input.
        haystack: around the statement.
        length: tokens of the whole input, including special tokens; ``None`` in training, where the recipe decides.
        share: of the available length that is filled with haystack.
        distractors: sentences of the same form that answer other questions, and their depths.
    """

    id: str
    kind: str
    question: str
    statement: Statement
    depth: float
    start: int
    haystack: Haystack = field(repr=False, compare=False)
    length: int | None = None
    share: float = 1.0
    distractors: tuple[tuple[Statement, float], ...] = ()


def train_needles(haystack: Haystack, kinds: Sequence[str], distractors: int, size: int) -> list[Needle]:
    """Needles at any depth of short inputs, with alternating kinds.

    Most inputs are shorter than the recipe allows, which makes training cheap.
    """
    found = []
    for number in range(size):
        random = _generator("train", number)
        depth, share = float(random.uniform(0, 100)), float(0.05 + 0.95 * random.random() ** 2)
        kind = kinds[number % len(kinds)]
        found.append(_needle(f"{number}", kind, depth, haystack, distractors, random=random, share=share))
    return found


def grid(
    split: Split,
    haystack: Haystack,
    kinds: Sequence[str],
    distractors: int,
    *,
    lengths: Sequence[int],
    depths: Sequence[int],
    examples: int,
) -> list[Needle]:
    """Needles at every length and depth; those of one length and depth are the same in every grid that contains it.

    The kinds alternate, starting with another kind at the next length or depth.

    Args:
        split: of the needles.
        haystack: of the split.
        kinds: names from `KINDS`.
        distractors: number of other key-value sentences beside a key-value needle.
        lengths: in tokens.
        depths: in percent.
        examples: needles at each length and depth.
    """
    found = []
    for length, depth, number in product(lengths, depths, range(examples)):
        kind = kinds[(number + depth + length.bit_length()) % len(kinds)]
        random = _generator(split, length, depth, number)
        name = f"L{length}-D{depth}-{number}"
        found.append(_needle(name, kind, depth, haystack, distractors, random=random, length=length))
    return found


def fingerprint(splits: Mapping[Split, Sequence[Needle]]) -> str:
    """sha256 (hex) over haystacks and needles."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for digest_of in dict.fromkeys(needle.haystack.digest for needle in splits[split]):
            digest.update(f"{split} {digest_of}\n".encode())
        for one in splits[split]:
            said = [astuple(one.statement), [(astuple(other), depth) for other, depth in one.distractors]]
            values = [one.kind, one.question, one.depth, one.start, one.length, one.share, said]
            digest.update(json.dumps(values).encode() + b"\n")
    return digest.hexdigest()


def key_value(key: str, value: str) -> tuple[str, Statement]:
    """A question for the value of a key, and the sentence that gives it."""
    return f"What is the value for key {key}?", Statement(f"The value for key {key} is ", value)


def new_words(random: np.random.Generator, count: int, haystack: Haystack) -> list[str]:
    """Different made-up words of seven letters that are not in the haystack, such as "bavokem".

    Real words would be too few: an encoder that has seen every possible answer in training learns the words, not their place.
    """

    def word() -> str:
        return "".join(random.choice(list(letters)) for letters in [*[CONSONANTS, VOWELS] * 3, LAST_LETTERS])

    return _new(word, count, haystack)


def new_numbers(random: np.random.Generator, count: int, haystack: Haystack) -> list[str]:
    """Different numbers of five digits that are not in the haystack, not even within a longer number."""
    return _new(lambda: str(random.integers(10_000, 100_000)), count, haystack)


def _new(draw: Callable[[], str], count: int, haystack: Haystack) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        if (drawn := draw()) not in haystack.taken:
            found[drawn] = None
    return list(found)


def _needle(
    id_: str,
    kind: str,
    depth: float,
    haystack: Haystack,
    distractors: int,
    *,
    random: np.random.Generator,
    length: int | None = None,
    share: float = 1.0,
) -> Needle:
    start = int(random.integers(len(haystack.sentences)))
    others: tuple[tuple[Statement, float], ...] = ()
    if kind == "key-value":
        keys = new_words(random, distractors + 1, haystack)
        values = new_numbers(random, distractors + 1, haystack)
        (question, statement), *rest = [key_value(key, value) for key, value in zip(keys, values, strict=True)]
        others = tuple((other, float(random.uniform(0, 100))) for _, other in rest)
    elif kind == "number":
        question = "What is the secret number?"
        statement = Statement("The secret number is ", new_numbers(random, 1, haystack)[0])
    else:
        question = "What is the secret word?"
        statement = Statement("The secret word is ", new_words(random, 1, haystack)[0])
    return Needle(id_, kind, question, statement, depth, start, haystack, length, share, others)


def _generator(*place: str | int) -> np.random.Generator:
    """A generator that depends only on the place of the needle."""
    digest = hashlib.sha256(json.dumps([VERSION, *place]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
