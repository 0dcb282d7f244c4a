"""The answer in words: what the statistics allow, and no more."""

import pytest

from harness.report.comparable import comparisons
from harness.report.overall.answer import answer
from harness.report.overall.rows import over_datasets
from tests.records import point_record

DATASETS = ("nli/a", "nli/b", "nli/c")


def alone(ranked):
    return ["best"] + [""] * (len(ranked) - 1), ""


def overall_of(runs, bench=()):
    return over_datasets(comparisons(runs, alone), lambda entries: None, bench)


def runs_of(make_run, scores, datasets=DATASETS, seeds=(0, 1, 2), spread=0.002, **changes):
    """Runs of each model at its score, seeds apart by this much."""
    return [
        make_run(model, dataset, seed, score=score + spread * (seed - 1), **changes)
        for model, score in scores.items()
        for dataset in datasets
        for seed in seeds
    ]


def test_the_best_is_named_with_its_interval_if_no_other_interval_overlaps(make_run):
    found = answer(overall_of(runs_of(make_run, {"first": 0.9, "second": 0.7, "third": 0.5})))
    assert found.told
    assert found.text == (
        "On these 3 datasets first scores highest (mean rank 1.0, 95 % interval 1.0 to 1.0); no other model's interval overlaps. "
        "The next is second (2.0, 95 % interval 2.0 to 2.0)."
    )


def test_models_whose_intervals_overlap_are_not_told_apart(make_run):
    found = answer(overall_of(runs_of(make_run, {"first": 0.71, "second": 0.70, "third": 0.3}, spread=0.05)))
    assert not found.told
    assert found.text.startswith("On these 3 datasets first has the best mean rank (1.0, 95 % interval 1.0 to ")
    assert "it cannot be told from second: its interval overlaps." in found.text
    assert "highest" not in found.text


def test_the_sentence_says_what_the_table_holds(make_run):
    overall = overall_of(runs_of(make_run, {"one": 0.71, "two": 0.70, "three": 0.69, "last": 0.2}, spread=0.03))
    best, *others = overall.rows
    text = answer(overall).text
    for row in others:
        assert (row.name in text.partition("cannot be told from")[2]) == (row.rank.low <= best.rank.high)


@pytest.mark.parametrize("faster", [2.0, 1.0])
def test_a_faster_model_is_named_only_if_it_is_faster_beyond_the_spread(make_run, faster):
    bench = [point_record("first", 2048, 40.0), point_record("second", 2048, 40.0 / faster)]
    text = answer(overall_of(runs_of(make_run, {"first": 0.71, "second": 0.70}, spread=0.05), bench)).text
    assert ("second is 2.0 times as fast as first at 2,048 tokens." in text) == (faster == 2.0)


def test_single_runs_tell_nothing(make_run):
    found = answer(overall_of(runs_of(make_run, {"first": 0.9, "second": 0.5}, seeds=(0,))))
    assert not found.told
    assert found.text.startswith("Cannot tell which model is best: there is no second seed.")


def test_only_the_datasets_without_a_second_seed_are_said_to_lack_one(make_run):
    several = runs_of(make_run, {"first": 0.9, "second": 0.5}, DATASETS[:2])
    single = runs_of(make_run, {"first": 0.9, "second": 0.5}, DATASETS[2:], seeds=(0,))
    found = answer(overall_of(several + single))
    assert not found.told
    assert f"there is no second seed on {DATASETS[2]}. In these runs on these 3 datasets first has" in found.text


def test_a_tie_of_single_runs_has_no_winner(make_run):
    found = answer(overall_of(runs_of(make_run, {"a": 0.9, "b": 0.9, "c": 0.5}, seeds=(0,)))).text
    assert "In these single runs on these 3 datasets a and b share the best mean rank (1.5)." in found


@pytest.mark.parametrize("datasets", [DATASETS, DATASETS[:1]])
def test_a_tie_of_several_seeds_has_no_winner(make_run, datasets):
    scores = {"a": 0.71, "b": 0.71, "c": 0.70, "last": 0.3}
    found = answer(overall_of(runs_of(make_run, scores, datasets, spread=0.05)))
    assert not found.told
    share, overlap = (
        ("share the best mean rank (1.5)", "their intervals overlap")
        if len(datasets) > 1
        else ("share the highest mean score (0.7100)", "the intervals of their ranks overlap")
    )
    assert f"a and b {share}; they cannot be told from each other or from c: {overlap}." in found.text
    equal = answer(overall_of(runs_of(make_run, {"a": 0.7, "b": 0.7, "last": 0.3}, datasets, spread=0.001))).text
    assert f"they cannot be told from each other: {overlap}." in equal


def test_one_dataset_is_said_to_be_one(make_run):
    found = answer(overall_of(runs_of(make_run, {"first": 0.9, "second": 0.5}, datasets=DATASETS[:1])))
    assert found.told
    assert found.text.startswith("On nli/a first scores highest (mean score 0.9000, 95 % interval 0.89")
    assert "no other model's interval of the rank overlaps" in found.text
    assert found.text.endswith("One dataset says nothing about others.")


def test_a_best_model_with_one_run_is_said_to_be_judged_by_the_spread_of_others(make_run):
    several = runs_of(make_run, {"second": 0.7, "third": 0.5})
    found = answer(overall_of(several + runs_of(make_run, {"first": 0.9}, seeds=(0,)))).text
    assert "Judged by the spread of the others' seeds, as they have one run: first." in found
    assert "Judged" not in answer(overall_of(several)).text


def test_scores_that_no_seed_can_change_need_no_second_seed(make_run):
    untrained = {"recipe": {"epochs": 0.0, "max_steps": None}, "model": {"weights": "hub"}}
    runs = runs_of(make_run, {"first": 0.9, "second": 0.5}, seeds=(0,), **untrained)
    found = answer(overall_of(runs)).text
    assert "seed" not in found
    assert "--seeds" in answer(overall_of(runs_of(make_run, {"first": 0.9, "second": 0.5}, seeds=(0,)))).text


def test_models_without_a_common_dataset_are_not_ranked_and_the_run_that_is_missing_is_named(make_run):
    runs = runs_of(make_run, {"first": 0.9}, DATASETS[:1]) + runs_of(make_run, {"second": 0.5}, DATASETS[1:2])
    overall = overall_of(runs)
    assert overall.rows == ()
    assert answer(overall).text == (
        "Cannot tell which model is best: no two models were run on the same datasets. Run first on nli/b too."
    )


def test_a_dataset_at_chance_does_not_count_and_all_at_chance_tells_nothing(make_run):
    chance = {"task": {"constant_guess": 0.5, "n_test": 100}}
    at_chance = runs_of(make_run, {"first": 0.55, "second": 0.49}, ("nli/chance",), **chance)
    real = runs_of(make_run, {"first": 0.6, "second": 0.9})
    overall = overall_of(real + at_chance)
    assert overall.datasets == DATASETS
    assert "Not counted, as no model is above chance: nli/chance." in answer(overall).text
    assert answer(overall_of(at_chance)).text == (
        "Nothing can be told: on nli/chance no model scores above one constant answer."
    )


def test_all_zero_is_not_best(make_run):
    found = answer(overall_of(runs_of(make_run, {"first": 0.0, "second": 0.0}, spread=0.0)))
    assert not found.told
    assert found.text.startswith("Nothing can be told")


def test_one_model_and_no_model(make_run):
    assert (
        answer(overall_of(runs_of(make_run, {"only": 0.9}))).text == "There is nothing to compare: only only was run."
    )
    assert answer(overall_of([])).text == ""


def test_a_store_of_trials_is_told_to_tell_nothing_and_an_empty_one_is_silent(make_run):
    trials = runs_of(make_run, {"first": 0.9, "second": 0.5}, recipe={"test_limit": 100})
    assert answer(overall_of(trials)).text == (
        "Nothing can be told: every run is a trial or a test on another dataset than that of the training."
    )
    assert answer(overall_of([])).text == ""
