"""A question on a text: what every source of span-extraction data yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A stretch of a context: `context[start : start + len(text)] == text`."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the context that may answer it, and all answers that are right.

    `answers` is empty where the context answers it not. `id` is unique within its split; `title` names the document, which
    belongs to one split as a whole.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    title: str = ""
