"""Figures of a bench: they can be opened, are the same every time, and need no torch."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.report import drawing
from harness.report.cost import plots as bench_plots
from models import MODELS

ROOT = Path(__file__).parents[4]


def test_every_figure_comes_as_png_and_svg_that_can_be_opened(records, tmp_path):
    from matplotlib.image import imread

    files = bench_plots.write(records, "square", tmp_path)
    kinds = {file.stem.removeprefix("inference-tiny-fp32-sdpa-batch-1-") for file in files}
    assert kinds == {"throughput", "latency", "memory", "ratio"}
    for file in files:
        if file.suffix == ".png":
            assert imread(file).std() > 0.01
        else:
            assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_the_same_records_give_the_same_svg(records, tmp_path):
    first = bench_plots.write(records, "square", tmp_path / "a")
    second = bench_plots.write(records, "square", tmp_path / "b")
    pairs = [
        (one.read_bytes(), two.read_bytes()) for one, two in zip(first, second, strict=True) if one.suffix == ".svg"
    ]
    assert len(pairs) == 4
    assert all(one == two for one, two in pairs)


def test_weights_of_no_registered_size_are_not_called_custom(make_record, tmp_path):
    weights = make_record("bert", 100, 1.0, point={"size": "custom", "name": "mine", "weights": "a" * 64})
    words = [file.read_text() for file in bench_plots.write([weights], "mine", tmp_path) if file.suffix == ".svg"]
    assert all("inference, own weights, fp32" in text for text in words)


def test_one_point_of_one_model_is_enough(make_record, tmp_path):
    files = bench_plots.write([make_record("a", 100, 1.0)], "a", tmp_path)
    assert {file.stem.rpartition("-")[2] for file in files} == {"throughput", "latency", "memory"}


def test_nothing_measured_draws_nothing(make_record, tmp_path):
    assert bench_plots.write([make_record("a", 100, None, "oom")], "a", tmp_path) == []


def test_every_model_of_five_and_two_guests_looks_different_without_colour(make_record):
    names = [*MODELS.names()[:5], "guest", "visitor"]
    drawn = [make_record(name, 100, 1.0) for name in names]
    looks = [bench_plots.style_of(drawn, name) for name in names]
    for aspect in range(3):
        assert len({str(look[aspect]) for look in looks}) == len(names)
    alone = bench_plots.style_of([make_record("roberta", 100, 1.0)], "roberta")
    assert alone == looks[names.index("roberta")]


@pytest.mark.parametrize(
    ("length", "text"), [(98304, "96K"), (8192, "8K"), (512, "512"), (1500, "1,500"), (100_000, "100,000")]
)
def test_lengths_are_short_on_the_axis(length, text):
    assert drawing.short_length(length) == text


def test_figures_and_tables_do_not_import_torch():
    code = "import harness.report.cost.plots, harness.report.cost.tables, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=120).returncode == 0
