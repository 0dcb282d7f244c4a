"""Reliability diagrams: how much of the picture is diagram."""

import numpy as np
import pytest
from matplotlib.image import imread

from harness.report.calibration import Calibration, calibration
from harness.report.comparable import comparisons
from harness.report.examples import read
from harness.report.files import calibration_plots
from harness.store import Store


def of_models(tmp_path, make_run, lay_run, names) -> Calibration:
    row = {"split": "test", "gold": "a", "predicted": "a", "probabilities": {"a": 0.8, "b": 0.2}}
    runs = [make_run(name, "classification/x") for name in names]
    for run in runs:
        lay_run(tmp_path / "runs", run, [{"id": str(number)} | row for number in range(20)])
    (comparison,) = comparisons(runs, lambda ranked: ([""] * len(ranked), ""))
    return calibration(comparison, read(comparison, Store(tmp_path / "runs")))


@pytest.mark.parametrize("count", [1, 6, 12])
def test_names_of_any_length_leave_the_diagram_its_size_and_no_blank_space(tmp_path, make_run, lay_run, count):
    names = [f"bert (mo del {number}, torch int8) and-a-rather_long/name" for number in range(count)]
    found = of_models(tmp_path, make_run, lay_run, names)
    calibration_plots.write([found], {name: number for number, name in enumerate(names)}, tmp_path)
    (png,) = tmp_path.glob("*.png")
    ink = imread(png)[..., :3].max(axis=-1) < 0.3
    height, width = ink.shape
    # The longest vertical and horizontal lines are the axes.
    assert ink.sum(axis=0).max() > 500
    assert ink.sum(axis=1).max() > 500
    assert np.flatnonzero(ink.any(axis=1)).max() > 0.9 * height
    assert width < 1000
