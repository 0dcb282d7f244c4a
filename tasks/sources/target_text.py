"""A text or pair of texts with a target that is not one label: a score, or several labels."""

from dataclasses import dataclass
from typing import Generic, TypeVar

TargetT = TypeVar("TargetT", float, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class TargetText(Generic[TargetT]):
    """One example: a text, the second text of a pair (`None` for a single text), and what to predict.

    `target` is a score for `tasks.similarity`, and the names of all labels that apply for `tasks.multilabel`. `id` describes its
    place in the data and is unique within its split.
    """

    text: str
    pair: str | None
    target: TargetT
    id: str


ScoredText = TargetText[float]
MultiLabelText = TargetText[tuple[str, ...]]
