"""Tables of a bench: every point is there, the reason of every end is told, and numbers survive the CSV."""

import csv

import numpy as np
import pandas as pd
import pytest

from harness.report.cost import tables as bench_tables
from harness.report.cost.curves import by_setting


def test_the_terminal_table_tells_every_end_and_every_crossover(records):
    text = bench_tables.as_text(records, "square")
    assert "oom: no memory" in text.replace("\n", " ")
    assert "beyond_max_length" in text
    assert "ok, positions extended" in text
    assert "line overtakes square at about 1,000 tokens (measured at 500 and 2,000)" in text


def test_the_csv_holds_every_point_in_full(records, tmp_path):
    files = bench_tables.write(records, "square", tmp_path, "python -m harness bench")
    with next(file for file in files if file.name == "inference-tiny-fp32-sdpa-batch-1.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(records)
    row = next(row for row in rows if row["model"] == "line" and row["length"] == "2000")
    assert float(row["latency_ms_median"]) == 200.0
    assert float(row["tokens_per_s_median"]) == pytest.approx(10_000)
    assert float(row["ratio_to_baseline"]) == pytest.approx(2.0)
    assert float(row["peak_memory_above_loaded_mib"]) == 2.0
    ended = next(row for row in rows if row["status"] == "oom")
    assert ended["latency_ms_median"] == ""
    assert ended["reason"] == "no memory"


def test_the_page_holds_the_command_the_exponents_and_a_row_a_point(records, tmp_path):
    command = "python -m harness bench --models line,square"
    bench_tables.write(records, "square", tmp_path, command)
    page = (tmp_path / "inference-tiny-fp32-sdpa-batch-1.md").read_text()
    assert command in page
    assert "| square | L^2.00 | L^1.00 |" in page
    assert "| line | L^1.00 | L^1.00 |" in page
    assert (
        sum(line.startswith(("| line | ", "| square | ", "| short | ")) for line in page.splitlines())
        == len(records) + 3
    )


def test_a_bench_in_which_nothing_was_measured_is_still_told(records, tmp_path):
    ended = [record for record in records if record["status"] != "ok"]
    assert "oom" in bench_tables.as_text(ended, "square")
    assert bench_tables.write(ended, "square", tmp_path)


def test_disturbed_points_are_said_on_page_and_terminal(make_record, tmp_path):
    loud = [make_record("a", 100, 1.0, processor_taken_by_others=0.4)]
    assert "1 point disturbed" in bench_tables.as_text(loud, "a")
    bench_tables.write(loud, "a", tmp_path)
    assert "disturbed" in next(tmp_path.glob("*.md")).read_text()


def test_engines_are_drawn_together_and_named_apart(make_record):
    engine = {"engine": "openvino", "quantize": "int8"}
    kept = [make_record("a", 100, 10.0), make_record("a", 100, 5.0, point=engine, model={"disk_mib": 7.5})]
    (group,) = by_setting(kept).values()
    found = bench_tables.rows(group, "a").set_index("model")
    assert found.loc["a (openvino int8)", "ratio_to_baseline"] == pytest.approx(2)
    assert found.loc["a (openvino int8)", "disk_mib"] == 7.5
    assert found["engine"].tolist() == ["torch", "openvino"]
    assert found.loc["a", "latency_ms_p99"] == pytest.approx(np.quantile(kept[0]["latency_ms"]["samples"], 0.99))
    assert "int8: dynamic quantisation without calibration data" in bench_tables.as_markdown("x", group, "a", None)


def test_latency_at_the_smallest_batch_and_the_best_throughput_are_both_shown(make_record, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # a narrow terminal folds the cells
    kept = [
        make_record("a", 100, 10.0),
        make_record("a", 100, 20.0, point={"batching": "batch 8", "batch_size": 8, "tokens": 800}),
        make_record("a", 100, None, "oom", point={"batching": "batch 64", "batch_size": 64, "tokens": 6400}),
    ]
    kept[1]["tokens_per_s"] = {name: 8 * rate for name, rate in kept[1]["tokens_per_s"].items()}
    text = bench_tables.as_text(kept, "a")
    assert "1, 8, 64 oom" in " ".join(text.split())
    files = {file.name for file in bench_tables.write(kept, "a", tmp_path)}
    assert "inference-tiny-fp32-sdpa-best-batch.csv" in files
    (row,) = pd.read_csv(tmp_path / "inference-tiny-fp32-sdpa-best-batch.csv").to_dict("records")
    assert (row["latency"], row["smallest"], row["batch"]) == (pytest.approx(10.0), 1, 8)
    assert row["best"] == pytest.approx(kept[1]["tokens_per_s"]["median"])
