"""The page's section of calibration: a reliability diagram for each comparison whose predictions have probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from harness.progress import counted
from harness.report.calibration import FEW, Calibration
from harness.report.page import svg
from harness.report.page.panels import head_of
from tasks.probabilities import Reliability

DIAGONAL = Markup('<line class="ideal" x1="0%" y1="100%" x2="100%" y2="0%"/>')
"""Where every probability is right."""


def sections(found: Sequence[Calibration], numbered: Mapping[str, int]) -> list[dict[str, object]]:
    """One for each comparison: its chart, and the encoders with their error, the best calibrated first."""
    return [_section(one, numbered) for one in found]


def _section(one: Calibration, numbered: Mapping[str, int]) -> dict[str, object]:
    comparison = one.comparison
    series = [svg.Series(numbered[label], _points(label, of), joined=True) for label, of in one.of.items()]
    description = (
        f"reliability of {counted(len(one.of), 'encoder')} on {comparison.title}; the table beside it has the errors"
    )
    chart = svg.chart(
        series,
        svg.PERCENT,
        svg.PERCENT,
        f"probability of {one.unit} →",
        "share that is right",
        description,
        under=DIAGONAL,
    )
    errors = sorted((of.error, label, int(of.counts.sum())) for label, of in one.of.items())
    return {
        **head_of(comparison),
        "unit": one.unit,
        "chart": chart,
        "rows": [
            {"number": numbered[label], "label": label, "error": error, "predictions": count}
            for error, label, count in errors
        ],
    }


def _points(label: str, of: Reliability) -> list[svg.Point]:
    points = []
    for place in np.flatnonzero(of.counts).tolist():
        sure, right, count = float(of.confidence[place]), float(of.frequency[place]), int(of.counts[place])
        text = f"{label}: {right:.0%} of {counted(count, 'prediction')} with a mean probability of {sure:.0%} are right"
        points.append(svg.Point(sure, right, right, right, text, hollow=count < FEW))
    return points
