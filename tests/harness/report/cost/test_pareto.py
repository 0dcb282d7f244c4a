"""Quality against throughput: which encoders are efficient, and which runs count."""

import re
from typing import Any

import pandas as pd
import pytest

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
        run("a", 0.8, 0.7, rate=1e-4, seed=1),
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


def test_a_trial_is_no_score_and_does_not_choose_the_recipe(make_record):
    bench = [make_record(name, 512, 1.0) for name in ("a", "b", "c")]
    trials = [run(name, 0.9, 0.9, recipe={"test_limit": 10}) for name in ("a", "b", "c")]
    found = bench_pareto.tradeoffs(bench, [*trials, run("a", 0.5, 0.5), run("b", 0.6, 0.6)])
    assert [(tradeoff.model, tradeoff.score) for tradeoff in found] == [("a", 0.5), ("b", 0.6)]


def test_each_checkpoint_and_deployment_has_its_own_throughput_and_label(make_record):
    mine, other = "a" * 64, "b" * 64

    def point(milliseconds: float, **settings: Any) -> Any:
        return make_record("bert", 512, milliseconds, point={"size": "custom", "name": "mine", **settings})

    def saved(weights: str, deployment: str = "") -> RunRecord:
        by = f" by {deployment}" if deployment else ""
        model = {"size": "custom", "weights": weights[:4], "identity": f"{weights} as fine-tuned{by}"}
        deployed = {"where": "harness", "deployment": deployment}
        return run("bert", 0.5, 0.5, model=model, recipe={"trained": "saved"}, trained=deployed)

    bench = [
        point(4.0, weights=mine),
        point(1.0, weights=mine, engine="openvino", quantize="int8"),
        point(8.0, weights=other),
    ]
    runs = [saved(mine), saved(mine, "openvino int8"), saved(mine, "onnx"), saved(other)]
    found = {tradeoff.model: tradeoff.tokens_per_s for tradeoff in bench_pareto.tradeoffs(bench, runs)}
    assert found == {
        "bert (aaaa)": pytest.approx(128_000),
        "bert (aaaa, openvino int8)": pytest.approx(512_000),
        "bert (bbbb)": pytest.approx(64_000),
    }


def test_the_figure_says_the_caveat_of_its_dataset_and_every_length_that_was_measured(make_record, tmp_path):
    bench = [make_record("a", 512, 1.0), make_record("b", 128, 2.0)]
    runs = [run(name, 0.5, 0.5, task={"caveats": ["markup only"]}) for name in ("a", "b")]
    table, _, picture = bench_pareto.write(bench, runs, tmp_path)
    words = " ".join(re.findall(r"<!-- (.+?) -->", picture.read_text(encoding="utf-8"), re.DOTALL))
    assert "(markup only)" in words
    assert "throughput at 128 or 512 tokens" in words
    assert set(pd.read_csv(table)["caution"]) == {"markup only"}
