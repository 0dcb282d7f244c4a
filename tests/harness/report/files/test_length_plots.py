"""The table and the figures of needles, from records and predictions made by formula."""

import csv
import re
import subprocess
import sys

import numpy as np
import pytest

from harness.report.files import length_plots
from harness.report.length_table import ALL, as_rows, of_predictions, of_records
from tests.records import METRICS, run_record

METRIC = METRICS["needle"]

LENGTHS, DEPTHS = (512, 4096, 98304), (0, 50, 100)


def found(length, depth, limit):
    """A needle is found with a share that falls with length, and never beyond the limit."""
    return 0.0 if length * depth / 100 > limit else round(1 - np.log2(length / 512) / 10, 3)


def record(model, limit, shift=0.0):
    scores = {}
    for length in LENGTHS:
        cells = {depth: found(length, depth, limit) - shift for depth in DEPTHS}
        scores |= {f"{METRIC}.L{length}.D{depth}": value for depth, value in cells.items()}
        scores[f"{METRIC}.L{length}"] = float(np.mean(list(cells.values())))
        scores[f"truncated.L{length}"] = float(length > limit)
        scores[f"unseen.L{length}"] = float(np.mean([length * depth / 100 > limit for depth in DEPTHS]))
    scores[METRIC] = float(np.mean([scores[f"{METRIC}.L{length}"] for length in LENGTHS]))
    return run_record(model, "needle/word", scores={"test": scores})


def predictions(limit, examples=4):
    rows = []
    for length in LENGTHS:
        for depth in DEPTHS:
            seen = length * depth / 100 <= limit
            for number in range(examples):
                hit = seen and number < examples * found(length, depth, limit)
                rows.append(
                    {
                        "split": "test",
                        "length": length,
                        "depth": depth,
                        "seen": seen,
                        "truncated": length > limit,
                        "terms": [int(hit), 1],
                    }
                )
    return [*rows, *({**row, "split": "dev", "terms": [0, 1]} for row in rows)]


def test_the_table_averages_the_runs_of_a_model_and_tells_what_was_cut():
    rows = as_rows(
        of_records([record("avey-b", 10**9), record("avey-b", 10**9, shift=0.1), record("bert", 512)]), METRIC
    )
    at = {(row["model"], row["length"], row["depth"]): row for row in rows}
    assert len(rows) == 2 * len(LENGTHS) * (len(DEPTHS) + 1)
    assert at["avey-b", 4096, 50][METRIC] == pytest.approx(found(4096, 50, 10**9) - 0.05)
    assert at["avey-b", 4096, 50]["runs"] == 2
    assert at["avey-b", 4096, ALL]["truncated"] == 0
    assert at["bert", 4096, ALL]["truncated"] == 1
    assert at["bert", 4096, ALL]["unseen"] == pytest.approx(2 / 3)
    assert at["bert", 512, ALL]["unseen"] == 0


def test_the_table_of_predictions_counts_test_alone_and_tells_what_was_never_seen_at_each_depth():
    at = {(row["length"], row["depth"]): row for row in as_rows(of_predictions("bert", predictions(512)), METRIC)}
    assert at[512, 100][METRIC] == 1
    assert (at[4096, 0]["unseen"], at[4096, 50]["unseen"], at[4096, ALL]["unseen"]) == (0, 1, pytest.approx(2 / 3))
    assert at[4096, 100][METRIC] == 0
    assert at[4096, 0][METRIC] == 0.75


def test_figures_say_every_number_and_are_the_same_each_time(tmp_path):
    rows = predictions(512)
    files = length_plots.heat_map("bert", rows, METRIC, tmp_path / "a" / "heat", "needle/mixed")
    again = length_plots.heat_map("bert", rows, METRIC, tmp_path / "b" / "heat", "needle/mixed")
    assert [file.suffix for file in files] == [".png", ".svg", ".csv"]
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    with files[2].open() as lines:
        cells = {(row["length"], row["depth"]): row for row in csv.DictReader(lines)}
    assert float(cells["4096", "0"][METRIC]) == 0.75
    assert "url(#" in files[1].read_text()  # hatched where nothing was seen
    whole = length_plots.heat_map("avey-b", predictions(10**9), METRIC, tmp_path / "whole")
    assert not re.search(r"fill: url\(#h", whole[1].read_text())


def test_one_line_a_model_against_length_thin_where_inputs_are_cut(tmp_path):
    records = [record("avey-b", 10**9), record("bert", 512), record("mine", 300)]
    files = length_plots.against_length(records, tmp_path / "lines", "needle/mixed")
    assert {file.name for file in files} == {"lines.png", "lines.svg", "lines.csv"}
    with files[2].open() as lines:
        assert {row["model"] for row in csv.DictReader(lines)} == {"avey-b", "bert", "mine"}
    assert files == length_plots.against_length(records, tmp_path / "lines", "needle/mixed")


def test_drawing_needs_no_torch():
    code = "import sys, harness.report.files.length_plots; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_map_of_pairs_has_their_numbers_and_no_percent(tmp_path):
    points = {(64, 4): 8, (64, 16): 2, (512, 4): 6}
    rows = [
        {"split": "test", "length": length, "pairs": pairs, "seen": 1.0, "truncated": False, "terms": [right, 10]}
        for (length, pairs), right in points.items()
    ]
    files = length_plots.heat_map("bert", rows, "query_accuracy", tmp_path / "heat")
    with files[2].open() as lines:
        cells = {(row["length"], row["pairs"]): float(row["query_accuracy"]) for row in csv.DictReader(lines)}
    assert cells == {("64", ALL): 0.5, ("64", "4"): 0.8, ("64", "16"): 0.2, ("512", ALL): 0.6, ("512", "4"): 0.6}
    words = re.findall(r"<!-- (.*?) -->", files[1].read_text(encoding="utf-8"))
    assert {"pairs", "4", "16"} <= set(words)
    assert not {"4 %", "16 %", "depth"} & set(words)
