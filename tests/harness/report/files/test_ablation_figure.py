"""The figure of ablations draws what is known, and nothing where nothing is."""

import math
import re

import pytest

from harness.ablation.judgement import AGREES, HELD_OUT, Judged
from harness.comparison.stats import Estimate
from harness.report.files import ablation_figure

UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def test_without_a_difference_there_is_no_figure(tmp_path):
    assert ablation_figure.write([Judged("softmax", HELD_OUT, difference=UNKNOWN)], "avey-b", tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_variants_with_and_without_an_interval_are_drawn_alike_every_time(tmp_path):
    judged = [
        Judged("softmax", HELD_OUT, difference=Estimate(0.2, math.nan, math.nan)),
        Judged("k=1 $x", HELD_OUT, difference=Estimate(0.0, -0.1, 0.1)),
        Judged("k=1 $x", "ner/x", "f1", difference=Estimate(-0.1, -0.2, -0.05), verdict=AGREES),
        Judged("none", "ner/x", "f1", difference=UNKNOWN),
    ]
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
        files = ablation_figure.write(judged, "avey-b", folder)
        assert [file.name for file in files] == ["ablations.png", "ablations.svg"]
    assert (first / "ablations.svg").read_bytes() == (again / "ablations.svg").read_bytes()


def test_measures_that_find_no_room_are_counted(tmp_path):
    known = Estimate(0.1, 0.0, 0.2)
    judged = [Judged("softmax", measure, "f1", difference=known) for measure in "abcdef"]
    assert "2 more measures" in _words(ablation_figure.write(judged, "avey-b", tmp_path))
    assert "more measure" not in _words(ablation_figure.write(judged[:4], "avey-b", tmp_path))


@pytest.mark.parametrize(
    ("pretraining_seeds", "interval", "told"),
    [
        (2, (0.0, 0.2), set()),
        (1, (0.0, 0.2), {"one pretraining seed it holds for these weights alone"}),
        (1, (math.nan, math.nan), {"a difference of single runs has none"}),
    ],
)
def test_the_legend_says_what_the_intervals_of_this_figure_do_not_cover(tmp_path, pretraining_seeds, interval, told):
    judged = Judged("softmax", "ner/x", "f1", difference=Estimate(0.1, *interval), pretraining_seeds=pretraining_seeds)
    words = " ".join(_words(ablation_figure.write([judged], "avey-b", tmp_path)).split())
    limits = {"one pretraining seed it holds for these weights alone", "a difference of single runs has none"}
    assert {limit for limit in limits if limit in words} == told


def _words(files):
    """What is written in the figure: each line of text is a comment beside its shapes."""
    return " ".join(re.findall(r"<!-- (.+?) -->", files[1].read_text(), re.DOTALL))
