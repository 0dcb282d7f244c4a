"""Reliability from predictions, against probabilities that are calibrated by construction."""

import numpy as np
import pytest

from harness.report.calibration import bins_of, calibration
from harness.report.comparable import comparisons
from harness.report.examples import read
from harness.store import Store


def calibrated(tmp_path, make_run, lay_run, *predictions):
    runs = [make_run(f"model{place}", "nli/x") for place in range(len(predictions))]
    for run, rows in zip(runs, predictions, strict=True):
        lay_run(tmp_path, run, [{"split": "test", "id": str(place), **row} for place, row in enumerate(rows)])
    (comparison,) = comparisons(runs, lambda ranked: ([""] * len(ranked), ""))
    return calibration(comparison, read(comparison, Store(tmp_path)))


def guesses(sharper: float, n: int = 4000) -> list[dict]:
    """Answers that are right with probability p, from a model that says p to the power of 1 / `sharper`."""
    random = np.random.default_rng(0)
    rows = []
    for p in random.uniform(0.5, 1, n):
        said = float(p ** (1 / sharper))
        right = random.random() < p
        rows.append({"gold": "a" if right else "b", "predicted": "a", "probabilities": {"a": said, "b": 1 - said}})
    return rows


def test_an_honest_model_has_no_error_and_a_boastful_one_has_its_boast(tmp_path, make_run, lay_run):
    found = calibrated(tmp_path, make_run, lay_run, guesses(1), guesses(3))
    assert found.unit == "the predicted label"
    honest, boastful = found.of["model0"], found.of["model1"]
    assert honest.error < 0.03
    # The mean of p^(1/3) - p over p in (0.5, 1).
    assert boastful.error == pytest.approx(2 * (0.75 * (1 - 0.5 ** (4 / 3)) - 0.375), abs=0.02)
    frame = bins_of(found)
    assert frame.groupby("encoder")["predictions"].sum().tolist() == [4000, 4000]


def test_words_and_several_labels_have_calibration_too(tmp_path, make_run, lay_run):
    words = {"tokens": ["x", "y"], "gold": ["O", "B-X"], "predicted": ["O", "O"], "probabilities": [0.9, 0.7]}
    found = calibrated(tmp_path / "words", make_run, lay_run, [words] * 3)
    assert found.unit == "the predicted tag of each word"
    assert found.of["model0"].error == pytest.approx((0.1 + 0.7) / 2)
    labels = {"gold": ["joy"], "predicted": ["joy"], "probabilities": {"joy": 0.8, "fear": 0.1}}
    found = calibrated(tmp_path / "labels", make_run, lay_run, [labels])
    assert found.unit == "each label"
    assert found.of["model0"].error == pytest.approx((0.2 + 0.1) / 2)


@pytest.mark.parametrize(
    "rows",
    [
        [{"gold": "a", "predicted": "a"}],
        [{"gold": "a", "predicted": "a", "probabilities": {"a": 1.0}}, {"gold": "a", "predicted": "a"}],
        [{"gold": "a", "predicted": "a", "probabilities": {"a": "much"}}],
        [{"gold": "a", "predicted": "a", "probabilities": {"a": 7.0}}],
        [{"gold": "a", "predicted": "a", "probabilities": {"b": 1.0}}],
        [{"gold": ["O"], "predicted": ["O"], "probabilities": [0.5, 0.5]}],
        # Of very many labels a row has the most probable ones, and which these are depends on the row.
        [
            {"gold": ["a"], "predicted": [], "probabilities": {"a": 0.5}},
            {"gold": ["b"], "predicted": [], "probabilities": {"a": 0.1, "b": 0.5}},
        ],
    ],
)
def test_without_probabilities_of_all_there_is_no_diagram(tmp_path, make_run, lay_run, rows):
    assert calibrated(tmp_path, make_run, lay_run, rows) is None
