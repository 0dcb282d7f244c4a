"""How well the probabilities of encoders are calibrated: of what they are 80 % sure of, are 80 % right? From predictions on test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.report.answers import Row
from harness.report.comparable import Comparison
from harness.report.examples import Predicted
from harness.report.table import frame_of
from tasks.probabilities import Reliability, reliability

Event = tuple[float, bool]
"""A probability, and whether it came true."""
FEW = 10
"""A bin with fewer predictions than this is drawn hollow."""


@dataclass(frozen=True)
class Calibration:
    """The calibration of the encoders of one comparison.

    Attributes:
        comparison: the encoders.
        unit: what has a probability, in words.
        of: by the encoder's label, those of one run; encoders without probabilities are left out.
    """

    comparison: Comparison
    unit: str
    of: Mapping[str, Reliability]


def calibration(comparison: Comparison, predicted: Predicted) -> Calibration | None:
    """The calibration of the runs that represent the encoders; ``None`` if no prediction has a probability."""
    found: dict[str, Reliability] = {}
    units: set[str] = set()
    for label, rows in predicted.rows.items():
        unit, sure, true = _events(list(rows.values()))
        if unit:
            found[label] = reliability(sure, true)
            units.add(unit)
    return Calibration(comparison, units.pop(), found) if len(units) == 1 else None


def bins_of(one: Calibration) -> pd.DataFrame:
    """One row for each encoder and bin with predictions: the points of the figure, and the error over all bins."""
    return frame_of(
        {
            "dataset": one.comparison.dataset,
            "size": one.comparison.size_shown,
            "encoder": label,
            "unit": one.unit,
            "bin": place + 1,
            "predictions": int(of.counts[place]),
            "mean_probability": float(of.confidence[place]),
            "share_right": float(of.frequency[place]),
            "expected_calibration_error": of.error,
        }
        for label, of in one.of.items()
        for place in np.flatnonzero(of.counts).tolist()
    )


def _events(rows: Sequence[Row]) -> tuple[str, list[float], list[bool]]:
    """What has a probability, each probability, and whether it came true; an empty name if the rows have none."""
    found = [(unit, events) for row in rows for unit, test in UNITS.items() if (events := test(row)) is not None]
    units = {unit for unit, _ in found}
    if len(found) < len(rows) or len(units) != 1 or (EACH in units and len({len(events) for _, events in found}) > 1):
        return "", [], []
    flat = [event for _, events in found for event in events]
    if not all(0 <= sure <= 1 for sure, _ in flat):
        return "", [], []
    return units.pop(), [sure for sure, _ in flat], [true for _, true in flat]


def _of_choice(row: Row) -> list[Event] | None:
    table, chosen = row.get("probabilities"), row.get("predicted")
    if not isinstance(table, dict) or not isinstance(chosen, str) or not _are_numbers([table.get(chosen)]):
        return None
    return [(float(table[chosen]), chosen == row.get("gold"))]


def _of_labels(row: Row) -> list[Event] | None:
    table, gold = row.get("probabilities"), row.get("gold")
    if not isinstance(table, dict) or not isinstance(gold, list) or not _are_numbers(table.values()):
        return None
    return [(float(sure), name in gold) for name, sure in table.items()]


def _of_words(row: Row) -> list[Event] | None:
    sides = [row.get(name) for name in ("probabilities", "gold", "predicted")]
    if not all(isinstance(side, list) for side in sides) or len({len(side or ()) for side in sides}) > 1:
        return None
    table, gold, found = (side or [] for side in sides)
    if not _are_numbers(table):
        return None
    return [(float(sure), right == tag) for sure, right, tag in zip(table, gold, found, strict=True)]


def _are_numbers(values: Iterable[object]) -> bool:
    return all(isinstance(value, int | float) for value in values)


EACH = "each label"
UNITS = {"the predicted label": _of_choice, EACH: _of_labels, "the predicted tag of each word": _of_words}
"""What has a probability, and its events in a row; rows of very many labels hold a part of their probabilities and are left out."""
