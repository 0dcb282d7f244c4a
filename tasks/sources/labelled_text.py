"""A labelled text or pair of texts, the example of every source of classification data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One example: a text, the second text of a pair (`None` for a single text), and its label.

    `id` describes its place in the data and is unique within its split.
    """

    text: str
    pair: str | None
    label: str
    id: str
