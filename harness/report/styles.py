"""Colours, markers and lines: a model looks the same in every figure of a report.

The first six colours are Okabe and Ito's (2008), without their second blue. Colour-blind readers can tell all
twelve apart; markers and lines differ too, for black and white.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.report.comparable import Comparison
from harness.store.record import PointRecord, PretrainingRecord, series_name
from models import MODELS

STYLES = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
    ("#000000", "v", (0, (5, 1, 1, 1, 1, 1))),
    ("#E69F00", "P", (0, (8, 2))),
    ("#B026F0", "X", (0, (1, 1))),
    ("#6B2E00", "<", (0, (3, 1))),
    ("#747474", ">", (0, (6, 1, 1, 1))),
    ("#20BCC9", "*", (0, (2, 2))),
    ("#A3003F", "p", (0, (10, 3))),
    ("#A8A04A", "h", (0, (4, 1, 1, 1, 1, 1, 1, 1))),
)
"""Colour, marker and line of twelve models."""
Style = tuple[str, str, Any]
"""Colour, marker and line."""


def styles_of(models: Iterable[str]) -> dict[str, int]:
    """The number of each model's style: in the order of registration, so that a model looks the same in every figure.

    Models that are not registered take the styles that remain. Up to twelve models have different colours.
    """
    wanted = set(models)
    first = MODELS.names()[: len(STYLES)]
    fixed = {model: number for number, model in enumerate(first) if model in wanted}
    in_turn = itertools.chain(range(len(first), len(STYLES)), range(len(first)), itertools.count(len(STYLES)))
    free = (number for number in in_turn if number not in fixed.values())
    return fixed | dict(zip(sorted(wanted - fixed.keys()), free, strict=False))


def style(number: int) -> Style:
    """Colour, marker and line: after twelve the colours come again with other markers."""
    count = len(STYLES)
    colour, _, line = STYLES[number % count]
    return colour, STYLES[(number + number // count) % count][1], line


def numbers(
    comparisons: Sequence[Comparison], bench: Sequence[PointRecord], pretraining: Sequence[PretrainingRecord] = ()
) -> dict[str, int]:
    """The number of each encoder's style: the same wherever it is drawn."""
    labels = {standing.label for comparison in comparisons for standing in comparison.standings}
    labels |= {series_name(record["point"]) for record in bench}
    labels |= {record["model"]["name"] for record in pretraining}
    return styles_of(labels)


def numbers_with(names: Iterable[tuple[str, str, str]], numbered: Mapping[str, int]) -> dict[str, int]:
    """The same with a style for each name among several sizes, one for all names of a model.

    The first size of a label has the label's style, others have their own.

    Args:
        names: name, label and size.
        numbered: the number of each label.
    """
    found, sizes = dict(numbered), dict[tuple[str, str], int]()
    for name, label, size in names:
        if (label, size) not in sizes:
            number = found.get(name, numbered[label])
            taken = name not in found and number in sizes.values()
            sizes[label, size] = (
                next(free for free in itertools.count() if free not in found.values()) if taken else number
            )
        found.setdefault(name, sizes[label, size])
    return found
