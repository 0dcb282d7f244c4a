"""A minimal pair: two sentences that differ in one place, of which one is acceptable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """One example.

    Attributes:
        good: the acceptable sentence.
        bad: the other one.
        paradigm: what the pair tests; pairs of one paradigm are made in the same way.
        field, term: the wider kinds that the paradigm belongs to; empty where nothing is said of them.
        id: unique within its split.
    """

    good: str
    bad: str
    paradigm: str
    field: str
    term: str
    id: str
