"""A labelled text or pair of texts: what every source of classification data yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One example: a text, the text that it is paired with (`None` for a single one), and its label.

    `id` says where it came from, unique within its split.
    """

    text: str
    pair: str | None
    label: str
    id: str
