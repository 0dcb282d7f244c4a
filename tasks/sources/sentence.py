"""A sentence with one IOB2 tag a word: what every source of named-entity data yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled sentence.

    `tokens` and `tags` have the same length; tags are IOB2 (Ramshaw and Marcus, 1995, as used by CoNLL-2002): `O`,
    `B-TYPE`, `I-TYPE`. `id` says where the sentence came from, unique within its split.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    id: str
