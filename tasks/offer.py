"""Suggestions for a task that does not exist: often the user typed the name of a dataset or benchmark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from harness.errors import InputError
from harness.registry import closest, did_you_mean, suggestion
from tasks.data import DatasetInfo
from tasks.registered import TASKS

_MOST = 8


def offer(name: str, families: Sequence[str]) -> str:
    """The end of a message about an unknown family: datasets with this name, or the closest names.

    Args:
        name: as typed, without a dataset.
        families: all families.
    """
    datasets: dict[str, DatasetInfo] = {}
    for family in families:
        with suppress(InputError):  # a task of a package that cannot be loaded has no suggestions
            datasets |= {f"{family}/{info.name}": info for info in TASKS[family].datasets.values()}
    if named := [full for full, info in datasets.items() if name.lower() in _names(info)]:
        return did_you_mean(named[:_MOST])
    if swapped := [family for family in families if sorted(family) == sorted(name.lower())]:
        return did_you_mean(swapped)  # not a dataset that is as similar
    short = {info.name: full for full, info in reversed(datasets.items())}  # the first family with the dataset
    if close := closest(name, [*families, *short], cutoff=0.6):
        return did_you_mean(short.get(one, one) for one in close)
    return suggestion(name, families)


def _names(info: DatasetInfo) -> set[str]:
    """Names of a dataset: its own, its owner and name on the hub, and the beginning of its description."""
    begins = re.match(r"[\w.+-]+(?: \d[\w.]*)?", info.description)
    names = [info.name, *(info.hub_id or "").split("/"), begins[0] if begins else ""]
    return {one.lower() for one in names if one}
