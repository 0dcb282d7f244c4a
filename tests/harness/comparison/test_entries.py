"""Choosing the learning rate by dev, and the runs that are compared."""

from harness.comparison.entries import entries
from tests.records import METRICS, run_record


def record(rate, seed, dev, test, **changes):
    metric = METRICS["ner"]
    return run_record("bert", "ner/x", seed, rate, scores={"dev": {metric: dev}, "test": {metric: test}}, **changes)


def test_the_learning_rate_with_the_best_median_dev_score_is_chosen_whatever_test_says():
    records = [record(1e-3, seed, dev, 0.9) for seed, dev in enumerate((0.1, 0.2, 0.9))]
    records += [record(1e-4, seed, dev, 0.1) for seed, dev in enumerate((0.3, 0.31, 0.32))]
    (entry,) = entries(reversed(records))
    assert entry.learning_rate == 1e-4
    assert entry.dev_by_learning_rate == {1e-4: 0.31, 1e-3: 0.2}
    assert entry.scores() == [0.1, 0.1, 0.1]
    assert [run["seed"] for run in entry.runs] == [0, 1, 2]


def test_a_lucky_seed_at_another_rate_does_not_replace_several():
    several = [record(1e-3, seed, 0.59, 0.6) for seed in range(5)]
    (entry,) = entries([*several, record(5e-4, 0, 0.60, 0.61)])
    assert (entry.learning_rate, len(entry.runs)) == (1e-3, 5)
    assert entry.better_rate_with_fewer_seeds == 5e-4
    (entry,) = entries([*several, record(5e-4, 0, 0.58, 0.61)])
    assert entry.better_rate_with_fewer_seeds is None


def test_of_equal_learning_rates_the_lowest_is_chosen():
    (entry,) = entries([record(5e-4, 0, 0.5, 0.1), record(1e-4, 0, 0.5, 0.2)])
    assert entry.learning_rate == 1e-4


def test_other_data_models_and_recipes_are_other_entries_and_failed_runs_are_none():
    records = [
        record(1e-4, 0, 0.5, 0.5),
        record(1e-4, 0, 0.5, 0.5, model={"name": "avey-b"}),
        record(1e-4, 0, 0.5, 0.5, task={"fingerprint": "g"}),
        record(1e-4, 0, 0.5, 0.5, recipe={"epochs": 2.0}),
        record(1e-4, 1, 0.5, 0.5, status="failed"),
    ]
    found = entries(records)
    assert len(found) == 4
    assert [entry.model for entry in found].count("avey-b") == 1
    assert all(len(entry.runs) == 1 for entry in found)


def pretrained(seed, pretraining_seed, group="g", tokens=10_000_000, **changes):
    origin = {"key": f"{group}{pretraining_seed}", "group": group, "seed": pretraining_seed, "tokens": tokens}
    model = {
        "weights": f"pretrained/s{pretraining_seed}",
        "identity": f"folder {group} {pretraining_seed}",
        "pretraining": origin,
    }
    return record(1e-3, seed, 0.5, 0.1 * pretraining_seed + 0.01 * seed, model=model, **changes)


def test_pretrainings_that_differ_in_their_seed_alone_are_one_entry():
    runs = [pretrained(seed, origin) for origin in (1, 0) for seed in (1, 0)]
    (entry,) = entries(runs)
    assert entry.pretrainings == [0, 0, 1, 1]
    assert [run["seed"] for run in entry.runs] == [0, 1, 0, 1]
    assert entry.weights == "pretrained-10M"
    assert entry.checkpoints == ("pretrained/s0", "pretrained/s1")
    assert entry.seeds_shown == "2 x 2"


def test_one_pretraining_has_the_name_of_all_on_every_dataset():
    both = [pretrained(0, 0), pretrained(0, 1), pretrained(1, 1)]
    one = pretrained(0, 0, task={"dataset": "ner/other"})
    alone, together = sorted(entries([*both, one]), key=lambda entry: len(entry.runs))
    assert alone.weights == together.weights == "pretrained-10M"
    assert (alone.seeds_shown, together.seeds_shown) == ("1", "1 + 2")


def test_other_pretrainings_and_other_weights_are_other_entries():
    found = entries([pretrained(0, 0), pretrained(0, 0, group="h"), record(1e-3, 0, 0.5, 0.5)])
    assert [entry.weights for entry in found] == ["pretrained/s0", "pretrained/s0", "scratch"]
    assert [entry.pretrainings for entry in found] == [[0], [0], None]


def test_a_run_that_is_given_twice_is_one_seed():
    (entry,) = entries([record(1e-3, 0, 0.5, 0.5), record(1e-3, 1, 0.5, 0.6), record(1e-3, 0, 0.5, 0.5)])
    assert [run["seed"] for run in entry.runs] == [0, 1]


def test_the_lowest_value_of_the_metric_is_known_from_any_run():
    (entry,) = entries([record(1e-3, 0, 0.5, 0.5), record(1e-3, 1, 0.5, 0.5, task={"lowest": -1.0})])
    assert entry.lowest == -1.0
