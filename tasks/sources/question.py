"""A question on a text, the example of every source of span-extraction data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A stretch of a context: `context[start : start + len(text)] == text`."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the context that may answer it, and all correct answers.

    `answers` is empty if the context does not answer it. `id` is unique within its split; `title` names the document, which
    belongs to one split as a whole.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    title: str = ""
