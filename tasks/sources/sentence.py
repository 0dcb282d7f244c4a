"""A sentence with one IOB2 tag per word, the example of every source of named-entity data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled sentence.

    `tokens` and `tags` have the same length; tags are IOB2 (Ramshaw and Marcus, 1995, as used by CoNLL-2002): `O`,
    `B-TYPE`, `I-TYPE`. `id` describes its place in the data and is unique within its split.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    id: str
