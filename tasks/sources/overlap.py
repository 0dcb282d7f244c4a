"""The overlap of splits: the examples of dev and test that are in train as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tasks.data import Data, Split
from tasks.task import Task

_BETWEEN_WORDS = re.compile(r"[\W_]+")


def overlap(task: Task, data: Data) -> dict[Split, float]:
    """For dev and test, the share of examples that are in the whole train split, even if a recipe uses only a part of it."""
    train = [task.texts(example) for example in data.splits.get("train", ())]
    scored: tuple[Split, ...] = ("dev", "test")
    return {split: share_in_train(train, map(task.texts, data.splits.get(split, ()))) for split in scored}


def share_in_train(train: Iterable[tuple[str, ...]], scored: Iterable[tuple[str, ...]]) -> float:
    """The share of examples that occur in train: all their texts are equal, one by one, after `normalised`.

    Args:
        train: the texts of each training example of the dataset, see `tasks.task.Task.texts`.
        scored: the texts of each example of dev or test.

    Returns:
        A fraction between 0 and 1; 0 if there is nothing to score.
    """
    # Contexts repeat from question to question.
    normal = lru_cache(maxsize=4096)(normalised)
    seen = {tuple(map(normal, texts)) for texts in train}
    found = [tuple(map(normal, texts)) in seen for texts in scored]
    return sum(found) / len(found) if found else 0.0


def normalised(text: str) -> str:
    """Case folded, with single blanks in place of everything except letters and digits; a text of only signs keeps them."""
    folded = text.casefold()
    return _BETWEEN_WORDS.sub(" ", folded).strip() or " ".join(folded.split())
