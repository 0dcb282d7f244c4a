"""Two encoders over a store made by hand: numbers, refusals, and who ties with the best."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from harness.cli import run_command
from harness.comparison.entries import entries
from harness.comparison.marks import from_predictions
from harness.comparison.paired_test import terms
from harness.store import Store
from tests.records import run_record, write_run

ROOT = Path(__file__).parents[3]
EXAMPLES = 200


def rows(rate, seed, examples=EXAMPLES):
    """Predictions of which a share is right; the easy examples are the same for everybody."""
    ease = np.random.default_rng(0).random(examples)
    right = ease + 0.1 * np.random.default_rng(seed + 1).standard_normal(examples) < rate
    return [
        {"split": split, "id": f"{split}-{place}", "terms": [int(hit), 1]}
        for split in ("dev", "test")
        for place, hit in enumerate(right)
    ]


def write(
    folder,
    model,
    rate,
    seed,
    *,
    dataset="nli/x",
    size="tiny",
    weights="scratch",
    origin=None,
    predictions=None,
    **changes,
):
    predictions = rows(rate, seed) if predictions is None else predictions
    score = sum(row["terms"][0] for row in predictions if row["split"] == "test") / max(len(predictions) / 2, 1)
    record = run_record(
        model,
        dataset,
        seed,
        model={"size": size, "weights": weights, "identity": f"{model} {weights}"}
        | ({"pretraining": origin} if origin else {}),
        recipe=changes.pop("recipe", {}),
        task=changes.pop("task", {}),
        scores={split: {"accuracy": score} for split in ("dev", "test")} | changes.pop("scores", {}),
    )
    assert not changes
    return write_run(folder, record, predictions)


@pytest.fixture
def store(tmp_path):
    for seed in range(3):
        write(tmp_path, "good", 0.8, seed)
        write(tmp_path, "bad", 0.6, seed)
        write(tmp_path, "close", 0.79, seed)
    return tmp_path


def compared(store, *arguments, capsys):
    assert run_command(["compare", *arguments, "--out", str(store), "--json", "--resamples", "2000"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_better_encoder_is_told_and_a_close_one_is_not(store, capsys):
    (row,) = compared(store, "good", "bad", capsys=capsys)
    assert row["significant"]
    assert row["difference"] == pytest.approx(row["a_score"] - row["b_score"])
    assert row["difference_low"] > 0.1
    assert row["probability_of_improvement"] == 1
    assert row["a_seeds"] == [0, 1, 2]
    (row,) = compared(store, "good", "close", capsys=capsys)
    assert not row["significant"]
    assert row["difference_low"] < 0 < row["difference_high"]


def test_the_other_order_turns_the_sign_and_the_same_command_repeats_itself(store, capsys):
    (row,), (turned,) = (compared(store, *names, capsys=capsys) for names in (("good", "bad"), ("bad", "good")))
    assert turned["difference"] == -row["difference"]
    assert (turned["difference_low"], turned["difference_high"]) == (-row["difference_high"], -row["difference_low"])
    assert turned["p"] == row["p"]
    for end in ("score", "score_low", "score_high"):
        assert (turned[f"b_{end}"], turned[f"a_{end}"]) == (row[f"a_{end}"], row[f"b_{end}"])
    assert compared(store, "good", "bad", capsys=capsys) == [row]


def test_the_table_says_what_was_found(store, capsys):
    assert run_command(["compare", "good", "bad", "--out", str(store)]) == 0
    out = capsys.readouterr().out
    assert "nli/x: good:tiny is better than bad:tiny by" in out
    assert "approximate randomisation" in out
    assert run_command(["compare", "good", "close", "--out", str(store)]) == 0
    assert "No significant difference" in capsys.readouterr().out


def test_p_values_are_corrected_over_the_datasets(store, capsys):
    for seed in range(3):
        for model, rate in (("good", 0.8), ("bad", 0.7)):
            write(store, model, rate, seed, task={"dataset": "nli/y"})
    first, second = compared(store, "good", "bad", capsys=capsys)
    assert sorted([first["p_holm"], second["p_holm"]])[0] == pytest.approx(2 * min(first["p"], second["p"]))
    (alone,) = compared(store, "good", "bad", "--task", "nli/y", capsys=capsys)
    assert alone["p_holm"] == alone["p"] == second["p"]


def test_runs_are_compared_by_their_folders_and_a_single_one_is_told(store, capsys):
    good, bad = (next(store.glob(f"{model}-*")) for model in ("good", "bad"))
    (row,) = compared(store, str(good), str(bad), capsys=capsys)
    assert not row["over_seeds"]
    assert "one run per side" in row["notes"][0]


def test_learning_rates_are_chosen_on_dev_and_unequal_numbers_of_them_told(store, capsys):
    write(store, "bad", 0.95, 0, recipe={"learning_rate": 1e-4})
    (row,) = compared(store, "good", "bad", capsys=capsys)
    assert row["b_learning_rate"] == 1e-3
    assert any("a better dev score at the learning rate 0.0001" in note for note in row["notes"])
    for seed in (1, 2):
        write(store, "bad", 0.95, seed, recipe={"learning_rate": 1e-4})
    (row,) = compared(store, "good", "bad", capsys=capsys)
    assert row["b_learning_rate"] == 1e-4
    assert any("chosen from 1 for good:tiny and 2 for bad:tiny" in note for note in row["notes"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task": {"fingerprint": "0" * 64}}, "different examples of nli/x"),
        ({"task": {"options": {"language": "en"}}}, "with different options (language None and en)"),
        (
            {"recipe": {"epochs": 2.0}},
            "different recipes (epochs 1.5 and 2.0); run one of them again, or add --any-recipe",
        ),
        ({"task": {"dataset": "nli/other"}}, "no dataset in common"),
        ({"scores": {"test": {"accuracy": 0.1}}}, "not to its score of 0.1000"),
        ({"predictions": []}, "do not contain each example"),
        ({"predictions": rows(0.5, 0, EXAMPLES - 1)}, "are of different examples ('test-199' is on one side only)"),
    ],
)
def test_what_cannot_be_compared_is_refused(store, changes, sentence, capsys):
    write(store, "new", 0.5, 0, **changes)
    assert run_command(["compare", "good", "new", "--out", str(store)]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_other_recipes_are_compared_where_that_is_said(store, capsys):
    write(store, "new", 0.5, 0, recipe={"epochs": 2.0})
    (row,) = compared(store, "good", "new", "--any-recipe", capsys=capsys)
    assert row["significant"]


def test_two_recipes_on_one_dataset_are_told_apart(store, capsys):
    (row,) = compared(store, "good", "bad", capsys=capsys)
    assert row["apart"] == ""
    for seed in range(3):
        write(store, "good", 0.7, seed, recipe={"epochs": 9.0})
        write(store, "bad", 0.5, seed, recipe={"epochs": 9.0})
    found = compared(store, "good", "bad", capsys=capsys)
    assert len({row["apart"] for row in found}) == 2
    assert "epochs 9" in {row["apart"] for row in found}
    assert run_command(["compare", "good", "bad", "--out", str(store), "--resamples", "2000"]) == 0
    assert "nli/x, epochs 9: good:tiny is better than bad:tiny" in " ".join(capsys.readouterr().out.split())


def test_a_split_that_is_not_in_the_store(tmp_path, capsys):
    for model in ("good", "bad"):
        write(tmp_path, model, 0.8, 0, predictions=[row for row in rows(0.8, 0) if row["split"] == "test"])
    assert run_command(["compare", "good", "bad", "--out", str(tmp_path), "--split", "dev"]) == 2
    assert "a published store has those of the test sets alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["good", "goood"], "has no finished run of 'goood'; did you mean 'good'"),
        (["good", "good"], "share runs"),
        (["good", "twice"], "means 2 encoders"),
        (["good", "bad", "--task", "ner"], "no dataset in common in ner"),
        (["good", "bad", "--resamples", "3"], "--resamples must be between"),
    ],
)
def test_names_that_mean_nothing_or_too_much(store, arguments, sentence, capsys):
    write(store, "twice", 0.5, 0)
    write(store, "twice", 0.5, 0, size="base", weights="hub")
    assert run_command(["compare", *arguments, "--out", str(store)]) == 2
    assert sentence in capsys.readouterr().err


def test_size_and_weights_name_one_of_several(store, capsys):
    write(store, "twice", 0.5, 0)
    write(store, "twice", 0.7, 0, size="base", weights="hub")
    for name, encoder in (("twice:tiny", "twice:tiny"), ("twice@hub", "twice:base@hub"), ("twice:base@hub",) * 2):
        (row,) = compared(store, "good", name, capsys=capsys)
        assert row["b_encoder"] == encoder


def write_pretrained(store, weights, seed, rate, dataset="nli/x"):
    """A run of weights whose pretraining differs from others in its seed alone."""
    origin = {"key": weights, "group": "learner", "seed": seed, "tokens": 10_000_000, "flops": 1.0}
    origin |= {"seconds": 1.0, "corpus": "x", "longest_row": 512}
    write(store, "learner", rate, 0, dataset=dataset, size="custom", weights=weights, origin=origin)


def test_pretrainings_have_one_name_where_a_dataset_has_more_of_them_than_another(store, capsys):
    for dataset in ("nli/x", "nli/y"):
        write_pretrained(store, "first", 0, 0.9, dataset)
    write_pretrained(store, "second", 1, 0.9)
    write(store, "good", 0.8, 0, dataset="nli/y")
    found = compared(store, "learner@pretrained-10M", "good", capsys=capsys)
    assert [(row["dataset"], row["a_encoder"], len(row["a_seeds"])) for row in found] == [
        ("nli/x", "learner:custom@pretrained-10M", 2),
        ("nli/y", "learner:custom@pretrained-10M", 1),
    ]


def test_the_name_of_one_of_several_pretrainings_means_its_runs_alone(store, capsys):
    write_pretrained(store, "first", 0, 0.9)
    write_pretrained(store, "second", 1, 0.5)
    scores = {}
    for weights in ("first", "second"):
        (row,) = compared(store, f"learner@{weights}", "good", capsys=capsys)
        assert (row["a_encoder"], row["a_seeds"]) == (f"learner:custom@{weights}", [0])
        scores[weights] = row["a_score"]
    (row,) = compared(store, "learner@first", "learner@second", capsys=capsys)
    assert (row["a_score"], row["b_score"]) == (scores["first"], scores["second"])
    assert scores["first"] > 0.8 > scores["second"]


@pytest.mark.parametrize("weights", ["first", "second"])
def test_one_of_several_pretrainings_is_not_compared_with_all_of_them(store, weights, capsys):
    write_pretrained(store, "first", 0, 0.9)
    write_pretrained(store, "second", 1, 0.5)
    names = [f"learner@{weights}", "learner@pretrained-10M"]
    assert run_command(["compare", *names, "--out", str(store)]) == 2
    assert "share runs" in capsys.readouterr().err


def test_a_copied_folder_is_not_another_seed(store, capsys):
    run = write(store, "alone", 0.9, 0)
    shutil.copytree(run, run.with_name(f"{run.name} (copy)"))
    assert run_command(["compare", "alone", "good", "--out", str(store), "--json", "--resamples", "2000"]) == 0
    told = capsys.readouterr()
    (row,) = json.loads(told.out)
    assert row["a_seeds"] == [0]
    assert row["a_score_low"] < row["a_score_high"]
    assert told.err.count(f"(copy)/run.json repeats the record in {run.name}; it is left out") == 1


def test_the_marks_of_a_table_are_read_from_predictions(store):
    found = sorted(entries(Store(store).records()), key=lambda entry: -np.median(entry.scores()))
    marks = from_predictions(found, partial(terms, predictions=Store(store).predictions), resamples=2000)
    named = {entry.model: mark for entry, mark in zip(found, marks, strict=True)}
    assert named["good"] == "best"
    assert named["close"] in ("tied", "unclear")
    assert named["bad"] == ""


def test_compare_does_without_torch(store):
    code = (
        f"import sys; from harness.cli import run_command; code = run_command(['compare', 'good', 'bad', '--out', {str(store)!r}]);"
        "sys.exit(3 if {'torch', 'transformers'} & set(sys.modules) else code)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
