"""The curves of training: what they show is what the records hold."""

import re

import pytest

from harness.report.comparable import comparisons
from harness.report.page import training_section
from tests.records import run_record


def alone(ranked):
    return ["best"] + [""] * (len(ranked) - 1), ""


def charts_of(runs):
    found, omitted = training_section.sections(comparisons(runs, alone), {"bert": 0, "avey-b": 1})
    return [[str(chart) for chart in one["charts"]] for one in found], omitted


def test_every_learning_rate_that_was_tried_is_a_point_and_the_chosen_one_is_filled():
    scores = {1e-4: 0.5, 3e-4: 0.8, 1e-3: 0.7}
    runs = [run_record("bert", "nli/x", seed, rate, score) for rate, score in scores.items() for seed in (0, 1)]
    ((rates, losses),), _ = charts_of(runs)
    points = re.findall(r'<use href="#mark0"( class="hollow")?/><title>bert: ([\d.]+) on dev at ([\d.e-]+)', rates)
    assert [(float(rate), float(score), not hollow) for hollow, score, rate in points] == [
        (rate, pytest.approx(score - 0.01), score == 0.8) for rate, score in scores.items()
    ]
    assert "training loss" in losses


def test_the_loss_is_the_median_over_seeds_and_ends_with_the_last_step():
    losses = [[(10 * step, loss / step) for step in range(1, 200)] for loss in (2.0, 4.0, 90.0)]
    runs = [run_record("bert", "nli/x", seed, losses=found) for seed, found in enumerate(losses)]
    ((chart,),), _ = charts_of(runs)
    assert f"loss {4 / 199:.4g} at step 1,990" in chart
    assert chart.count('class="curve"') < 30
    assert chart.count("<use ") == 1


def test_scores_are_drawn_against_training_examples_where_only_their_number_differs():
    runs = [
        run_record("bert", "nli/x", seed, score=score, recipe={"train_limit": limit}, task={"n_train": limit or 5000})
        for limit, score in ((100, 0.4), (1000, 0.6), (None, 0.8))
        for seed in (0, 1)
    ]
    sections, _ = charts_of(runs)
    points = re.findall(r"bert: ([\d.]+) from ([\d,]+) examples", sections[0][0])
    assert points == [("0.4000", "100"), ("0.6000", "1,000"), ("0.8000", "5,000")]
    assert not any("training examples" in chart for section in sections[1:] for chart in section)


def test_charts_beyond_the_room_are_counted(monkeypatch):
    monkeypatch.setattr(training_section, "_BYTES", 10)
    assert charts_of([run_record("bert", "nli/x")]) == ([], 1)
