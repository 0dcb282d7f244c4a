"""What figures and tables call a pretraining: its encoder, and the values in which it differs from others of that encoder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from harness.progress import short_count
from harness.store.record import PretrainingRecord

_WORDS = {
    "tokens": "{} tokens",
    "learning_rate": "lr {:g}",
    "warmup": "warm-up {:g}",
    "optimizer": "{}",
    "batch_tokens": "batch {}",
    "rows": "rows {}",
    "first_rows": "first rows {}",
    "positions": "positions from {}",
    "mask_rate": "masks {}",
}
"""How a figure and a table say a value of the recipe; any other is said by its name."""
_FOLLOW = ("steps", "trunk_steps", "warmup_steps", "trunk_tokens", "passes_read", "points", "eval_tokens", "protocol")
"""Values that follow from others, or do not change the weights."""


def labels_of(records: Sequence[PretrainingRecord], shown: Collection[str] = ()) -> list[str]:
    """A label for each record: its encoder, and the values of the recipe in which records of that encoder differ.

    Args:
        records: of one figure or table.
        shown: values that the reader sees elsewhere, such as in a column.
    """
    recipes: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for record in records:
        recipes[label_of(record)].append(_settings(record))

    def parts(record: PretrainingRecord) -> list[str]:
        own = _settings(record)
        differ = [name for name in own if any(_differs(name, own, other) for other in recipes[label_of(record)])]
        return [_say(name, own[name]) for name in differ if name not in shown and name not in _FOLLOW]

    return [", ".join((label_of(record), *parts(record))) for record in records]


def _settings(record: PretrainingRecord) -> dict[str, object]:
    return {**dict(sorted(record["recipe"].items())), "seed": record["seed"]}


def _differs(name: str, own: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two runs differ in a value. A branch and a run of its length have other shares of warm-up, and the same steps."""
    same_warmup = name == "warmup" and own.get("warmup_steps") == other.get("warmup_steps")
    return other.get(name) != own[name] and not same_warmup


def _say(name: str, value: object) -> str:
    if name == "tokens" and isinstance(value, int):
        value = short_count(value)
    if isinstance(value, list | tuple):
        value = ":".join(short_count(one) if isinstance(one, int) else f"{one:g}" for one in value)
    return _WORDS.get(name, name.replace("_", " ") + " {}").format(value)


def label_of(record: PretrainingRecord) -> str:
    """Encoder and size, with the config values that were changed."""
    model = record["model"]
    options = "".join(f" {name}={value}" for name, value in (model.get("options") or {}).items())
    return f"{model['name']} {model['size']}{options}"
