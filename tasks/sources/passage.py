"""A passage of running text, whose tokens are predicted from each other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """One document: paragraphs on lines of their own; `id` says where it came from, unique within its split."""

    text: str
    id: str
