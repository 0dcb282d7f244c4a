"""Quality against throughput: which encoders are efficient, and which runs count."""

from typing import Any

from harness.comparison.intervals import interval_over_seeds
from harness.report.cost import pareto as bench_pareto
from harness.store.record import RunRecord
from tests.records import METRICS, run_record


def run(name: str, dev: float, test: float, rate: float = 1e-4, **changes: Any) -> RunRecord:
    scores = {"dev": {METRICS["ner"]: dev}, "test": {METRICS["ner"]: test}}
    return run_record(name, "ner/docstrings", rate=rate, **{"scores": scores} | changes)


def test_an_encoder_is_efficient_unless_another_is_better_in_both(make_record):
    bench = [make_record("fast", 512, 1.0), make_record("slow", 512, 4.0), make_record("bad", 512, 5.0)]
    bench.append(make_record("unscored", 512, 1.0))
    found = bench_pareto.tradeoffs(bench, [run("fast", 0.5, 0.5), run("slow", 0.9, 0.8), run("bad", 0.7, 0.7)])
    assert {tradeoff.model: tradeoff.efficient for tradeoff in found} == {"fast": True, "slow": True, "bad": False}


def test_the_learning_rate_is_chosen_on_dev_and_the_test_score_read_afterwards(make_record):
    runs = [
        run("a", 0.6, 0.9, rate=1e-3),
        run("a", 0.7, 0.5, rate=1e-4),
        run("a", 0.8, 0.7, rate=1e-4),
        run("a", 1.0, 1.0, status="failed"),
        run("a", 1.0, 1.0, model={"size": "base"}),
    ]
    (found,) = bench_pareto.tradeoffs([make_record("a", 512, 1.0)], runs)
    assert (found.score, found.score_low, found.score_high) == interval_over_seeds([0.5, 0.7])
    assert found.n_runs == 2


def test_throughput_is_read_at_the_length_nearest_to_512(make_record):
    bench = [make_record("a", length, 1.0) for length in (128, 400, 8192)]
    (found,) = bench_pareto.tradeoffs(bench, [run("a", 0.5, 0.5)])
    assert (found.length, found.tokens_per_s) == (400, 400_000)


def test_figures_are_drawn_for_tasks_that_two_encoders_have_scores_on(make_record, tmp_path):
    bench = [make_record("a", 512, 1.0), make_record("b", 512, 2.0)]
    assert bench_pareto.write(bench, [run("a", 0.5, 0.5)], tmp_path) == []
    files = bench_pareto.write(bench, [run("a", 0.5, 0.5), run("b", 0.6, 0.6)], tmp_path)
    assert [file.suffix for file in files] == [".csv", ".png", ".svg"]
    assert all("pareto-ner-docstrings" in file.name and file.stat().st_size > 100 for file in files)


def test_encoders_are_compared_by_one_recipe(make_record):
    bench = [make_record("a", 512, 1.0), make_record("b", 512, 2.0)]
    runs = [
        run("a", 0.9, 0.9, recipe={"epochs": 30.0}),
        run("a", 0.9, 0.9, recipe={"epochs": 30.0}),
        run("a", 0.5, 0.5),
        run("b", 0.6, 0.6),
    ]
    assert [tradeoff.score for tradeoff in bench_pareto.tradeoffs(bench, runs)] == [0.5, 0.6]


def test_a_run_that_was_resumed_is_of_the_same_recipe(make_record):
    resumed = run("a", 0.5, 0.7, recipe={"resumed_from_step": 40})
    (found,) = bench_pareto.tradeoffs([make_record("a", 512, 1.0)], [run("a", 0.5, 0.5), resumed])
    assert found.n_runs == 2


def test_a_task_without_dev_scores_is_drawn_too(make_record):
    (found,) = bench_pareto.tradeoffs(
        [make_record("a", 512, 1.0)], [run("a", 0, 0.5, scores={"dev": {}, "test": {METRICS["ner"]: 0.5}})]
    )
    assert found.score == 0.5
