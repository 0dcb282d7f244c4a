"""Which datasets count, what a row holds, and whose cost it is."""

import csv
import io
from dataclasses import replace

import pytest

from harness.report.comparable import comparisons
from harness.report.cost import front
from harness.report.overall import table
from harness.report.overall.costs import measured
from harness.report.overall.rows import over_datasets
from harness.report.table import as_csv, as_markdown, frame_of
from harness.report.ties import Ties
from harness.store import Store
from tests.records import point_record, predictions_of, sweep_records, write_run


def alone(ranked):
    return ["best"] + [""] * (len(ranked) - 1), ""


def overall_of(runs, bench=()):
    return over_datasets(comparisons(runs, alone), lambda entries: None, bench)


def runs_of(make_run, name, datasets, score=0.5, **changes):
    return [
        make_run(name, dataset, seed, score=score + 0.01 * seed, **changes)
        for dataset in datasets
        for seed in (0, 1, 2)
    ]


def test_a_dataset_that_one_model_has_alone_does_not_empty_the_table(make_run):
    runs = [run for model in ("a", "b", "c") for run in runs_of(make_run, model, ("nli/x", "nli/y"))]
    overall = overall_of([*runs, *runs_of(make_run, "a", ("nli/z",))])
    assert overall.datasets == ("nli/x", "nli/y")
    assert overall.left_out == ("nli/z",)
    assert {row.name for row in overall.rows} == {"a", "b", "c"}


def test_the_seeds_of_a_row_are_those_on_the_datasets_that_count(make_run):
    runs = [run for model in ("a", "b") for run in runs_of(make_run, model, ("nli/x", "nli/y"))]
    overall = overall_of([*runs, make_run("a", "nli/z", 0, score=0.6)])
    assert overall.left_out == ("nli/z",)
    assert [row.seeds for row in overall.rows] == ["3", "3"]


def test_a_model_without_a_dataset_is_listed_below_with_what_it_lacks(make_run):
    runs = [run for model in ("a", "b", "c") for run in runs_of(make_run, model, ("nli/x", "nli/y"))]
    overall = overall_of([*runs, *runs_of(make_run, "d", ("nli/x",))])
    (row,) = overall.incomplete
    assert (row.name, row.missing, row.rank) == ("d", ("nli/y",), None)
    assert "nli/y" in as_markdown(table.table(overall)).splitlines()[-1]


def test_models_of_all_sizes_are_ranked_together_and_named_by_size(make_run):
    runs = [
        run
        for size, score in (("tiny", 0.5), ("base", 0.8))
        for run in runs_of(make_run, "bert", ("nli/x", "nli/y"), score, model={"size": size, "identity": size})
    ]
    overall = overall_of(runs)
    assert [(row.name, row.rank.value, row.score.value) for row in overall.rows] == [
        ("bert base", 1.0, pytest.approx(0.81)),
        ("bert tiny", 2.0, pytest.approx(0.51)),
    ]


def test_the_recipe_of_most_models_counts(make_run):
    runs = [run for model in ("a", "b") for run in runs_of(make_run, model, ("nli/x",), 0.5)]
    other = runs_of(make_run, "a", ("nli/x",), 0.9, recipe={"epochs": 9.0})
    overall = overall_of([*runs, *other])
    assert overall.several == ("nli/x",)
    assert [row.score.value for row in overall.rows] == [pytest.approx(0.51)] * 2


def test_intervals_are_over_examples_too_where_predictions_can_be_read(tmp_path, make_run):
    records = [
        make_run(name, dataset, seed, score=score)
        for name, score in (("a", 0.6), ("b", 0.5))
        for dataset in ("nli/x", "span/y")
        for seed in (0, 1)
    ]
    for record in records:
        write_run(
            tmp_path, record, predictions_of({**record, "key": record["model"]["name"]})
        )  # seeds agree on every example
    ties = Ties(Store(tmp_path))
    found = comparisons(records, ties)
    read, unread = over_datasets(found, ties.terms, []), over_datasets(found, lambda entries: None, [])
    assert (read.from_seeds, unread.from_seeds) == ((), ("nli/x", "span/y"))
    for row in unread.rows:
        assert row.score.low == row.score.value == row.score.high
    error = (0.6 * 0.4 / 50 / 2) ** 0.5
    assert read.rows[0].score.value == pytest.approx(0.6)
    assert read.rows[0].score.high - read.rows[0].score.low == pytest.approx(2 * 1.96 * error, rel=0.15)


@pytest.mark.parametrize(
    ("unread", "sentence"),
    [
        ((), "Intervals are over new seeds and new examples of these datasets."),
        (
            ("nli/y",),
            "Intervals are over new seeds and new examples of these datasets; over seeds alone, as the predictions were not "
            "read: nli/y.",
        ),
        (("nli/x", "nli/y"), "Intervals are over new seeds alone, as the predictions were not read."),
    ],
)
def test_one_note_says_what_the_intervals_are_over(make_run, unread, sentence):
    records = [make_run(name, data, seed) for name in "ab" for data in ("nli/x", "nli/y") for seed in (0, 1)]
    overall = over_datasets(comparisons(records, alone), lambda entries: None, [])
    told = [note for note in table.notes(replace(overall, from_seeds=unread)) if "ntervals" in note]
    assert len(told) == 1
    assert told[0].endswith(sentence)


def test_predictions_that_are_too_many_leave_intervals_over_seeds(tmp_path):
    records = list(sweep_records(datasets=("nli/x",)))
    for record in records:
        write_run(tmp_path, record, predictions_of(record))
    ties = Ties(Store(tmp_path), files_left=3)
    assert over_datasets(comparisons(records, ties), ties.terms, []).from_seeds == ("nli/x",)


def test_costs_are_of_one_setting_and_of_the_same_model(make_run):
    entries = {
        (row.size, row.label): next(iter(row.standings.values())).entry
        for row in overall_of([run for model in ("a", "b") for run in runs_of(make_run, model, ("nli/x",))]).rows
    }
    weights = {"model": {"weights_mib": 20.0}}
    bench = [
        point_record("a", 128, 1.0, **weights),
        *(point_record(model, 2048, latency, **weights) for model, latency in (("a", 8.0), ("b", 16.0))),
        point_record("b", 2048, 1.0, point={"size": "base"}),
        point_record("b", 2048, 1.0, point={"engine": "openvino", "quantize": "int8"}),
    ]
    cost, setting = measured(entries, bench)
    assert setting.tokens == 2048, "the length that both were measured at, though 128 is nearer to 512"
    assert [cost["tiny", model].latency_ms for model in ("a", "b")] == [8.0, 16.0]
    assert cost["tiny", "a"].memory_mib == pytest.approx(22.048)
    assert measured(entries, []) == ({}, None)


def test_points_of_real_weights_are_of_these_weights_alone(make_run):
    runs = [
        *runs_of(make_run, "bert", ("nli/x",), model={"weights": "mine", "identity": "digest"}),
        *runs_of(make_run, "bert", ("nli/x",)),
    ]
    bench = [point_record("bert", 512, 5.0, point={"weights": "digest"}), point_record("bert", 512, 9.0)]
    found = {row.name: row.cost.latency_ms for row in overall_of(runs, bench).rows}
    assert found == {"bert (mine)": 5.0, "bert": 9.0}


def test_a_deployment_is_measured_by_the_points_of_its_weights_and_engine(make_run):
    weights = "d" * 64
    scored = {"weights": "mine", "identity": f"{weights} as fine-tuned by openvino int8"}
    runs = [
        make_run("bert", "nli/x", model=scored, trained={"deployment": "openvino int8"}, recipe={"trained": "saved"})
    ]
    point = {"engine": "openvino", "quantize": "int8", "weights": weights}
    bench = [point_record("bert", 512, 5.0, point=point), point_record("bert", 512, 9.0, point={"weights": weights})]
    cost = {row.name: row.cost and row.cost.latency_ms for row in overall_of(runs, bench).rows}
    assert cost == {"bert (mine, openvino int8)": 5.0}


def test_a_retrained_namesake_on_one_dataset_does_not_split_a_model_in_two(make_run):
    def weights(letter):
        return {"weights": "checkpoints/mine", "identity": letter * 64}

    runs = runs_of(make_run, "bert", ("nli/x", "nli/y"), 0.6, model=weights("a"))
    runs += runs_of(make_run, "roberta", ("nli/x", "nli/y"), 0.5)
    runs += runs_of(make_run, "bert", ("nli/x",), 0.7, model=weights("c"))
    overall = overall_of(runs)
    assert overall.datasets == ("nli/x", "nli/y")
    assert [row.name for row in overall.rows] == ["bert (mine) aaaaaaaa", "roberta"]
    assert [(row.name, row.missing) for row in overall.incomplete] == [("bert (mine) cccccccc", ("nli/y",))]


def test_what_was_not_trained_has_no_minutes_of_training(make_run):
    untrained = {"recipe": {"epochs": 0.0}, "seconds": {"fit": 0.0001}}
    runs = [make_run("a", "lm/x", score=0.5, **untrained), make_run("b", "lm/x", score=0.4, **untrained)]
    assert [row.minutes for row in overall_of(runs).rows] == [None, None]


def test_the_front_has_no_model_that_another_beats():
    places = {"cheap": (1.0, 0.5), "worse": (2.0, 0.4), "good": (3.0, 0.8), "dear": (4.0, 0.8), "twin": (3.0, 0.8)}
    assert front.front(places) == ["cheap", "good", "twin"]
    assert front.steps({"a": (1.0, 0.5), "b": (3.0, 0.8)}) == [(1.0, 0.5), (3.0, 0.5), (3.0, 0.8)]


def test_the_csv_has_the_ends_of_the_intervals(make_run):
    overall = overall_of([run for model in ("a", "b") for run in runs_of(make_run, model, ("nli/x", "nli/y"))])
    first = next(csv.DictReader(io.StringIO(as_csv(frame_of(table.rows_for_csv(overall))))))
    low, value, high = (float(first[name]) for name in ("mean_rank_low", "mean_rank", "mean_rank_high"))
    assert low <= value == 1.5 <= high
    assert float(first["minutes"]) == pytest.approx(2 * (60 + 9 + 1) / 60), (
        "the median of 69, 70 and 71 s on each dataset"
    )
