"""Recipes in words: what was trained and how, and how runs on one dataset differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.comparison.entries import Entry, trains
from harness.progress import counted

FINE_TUNED = {"elsewhere": "fine-tuned elsewhere", "saved": "fine-tuned and saved before"}
"""Words for the values of ``trained`` in a recipe, see `harness.store.record.RecipeEntry`."""


def recipe_sentence(recipe: Mapping[str, Any]) -> str:
    """The recipe in one line: ``3 epochs, batches of 32, at most 512 tokens, bf16``."""
    read = [f"at most {recipe.get('max_length')} tokens", str(recipe.get("precision"))]
    if not trains(recipe):
        return ", ".join([FINE_TUNED.get(str(recipe.get("trained")), "nothing was trained"), *read])
    steps = recipe.get("max_steps")
    length = counted(steps, "step") if steps else counted(_value(recipe.get("epochs")), "epoch")
    batch = recipe.get("effective_batch_size") or recipe.get("batch_size")
    words = [length, f"batches of {batch}", *read]
    limit, trial, schedule = (recipe.get(name) for name in ("train_limit", "test_limit", "schedule"))
    more = {
        f"{limit} training examples": limit,
        f"{schedule} schedule": schedule,
        "the head alone (encoder frozen)": recipe.get("train") == "head",
        "the best epoch on dev": recipe.get("keep_best"),
        f"a trial on at most {trial} test examples": trial,
    }
    return ", ".join([*words, *(text for text, holds in more.items() if holds)])


def rate_of(entry: Entry) -> float | None:
    """The learning rate of the runs; ``None`` if they were not trained."""
    recipe = entry.runs[0]["recipe"]
    return entry.learning_rate or None if recipe.get("trained") or trains(recipe) else None


def apart(entry: Entry, others: Sequence[Entry]) -> str:
    """How this entry's data and recipe differ from those of others on the same dataset, in a few words."""
    words = [f"training data {entry.trained_on['dataset']}"] if entry.trained_on else []
    if len({other.fingerprint for other in others}) > 1:
        words.append(f"data {entry.fingerprint[:8]}")
    for values in (options_of, lambda one: one.recipe):
        mine = values(entry)
        for name in sorted({key for other in others for key in values(other)}):
            if len({json.dumps(values(other).get(name)) for other in others}) > 1:
                words.append(_in_words(name, mine.get(name)))
    return ", ".join(words)


def options_of(entry: Entry) -> dict[str, str]:
    """The options of its task."""
    return dict(entry.runs[0]["task"]["options"])


def _in_words(name: str, value: object) -> str:
    """A value of a recipe or an option with its name."""
    if name == "trained":
        return FINE_TUNED.get(str(value), "fine-tuned in its run")
    return f"{name.replace('_', ' ')} {_value(value)}"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
