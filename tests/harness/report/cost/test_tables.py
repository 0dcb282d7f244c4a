"""Tables of a bench: every point is there, the reason of every end is told, and numbers survive the CSV."""

import csv

import pytest

from harness.report.cost import tables as bench_tables


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
