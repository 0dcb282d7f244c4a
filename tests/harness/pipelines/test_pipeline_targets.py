"""Scores, several labels and the official metrics of GLUE through the one pipeline; trials, the best epoch and schedules."""

import json

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.comparison.entries import entries
from harness.comparison.paired_test import compare
from harness.errors import InputError
from harness.exchange.model_index import front_matter
from harness.pipelines.pipeline import run
from harness.report.recipe_words import recipe_sentence

SIZES = {"train": 240, "dev": 40, "test": 60}
CITIES = ["Paris", "Oslo", "New York", "San Marino"]
PEOPLE = ["Ada", "Grace", "Alan", "Edsger"]
FILLER = "the in to of saw met near with a train left river walked and then said very old house".split()  # noqa: SIM905


def rows_of(kind, seed, size):
    """Filler words with cities and people; the score, the labels or the label follow from them."""
    random = np.random.default_rng(seed)
    for _ in range(size):
        city, person = (random.random() < 0.5 for _ in range(2))
        words = [*random.choice(FILLER, size=4)]
        words += [str(random.choice(CITIES))] * city + [str(random.choice(PEOPLE))] * person
        text = " ".join(map(str, random.permutation(words)))
        labels = ["city"] * city + ["person"] * person
        yield {
            "sts": {"text": text, "score": 100.0 + 20 * city + 10 * person},
            "multilabel": {"text": text, "labels": labels or ["neither"]},
            "classification": {"text": text, "label": "acceptable" if city else "unacceptable"},
        }[kind]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("worlds")
    for folder in ("sts/names", "multilabel/names", "classification/cola"):
        (root / folder).mkdir(parents=True)
        for seed, (split, size) in enumerate(SIZES.items()):
            lines = map(json.dumps, rows_of(folder.partition("/")[0], seed, size))
            (root / folder / f"{split}.jsonl").write_text("\n".join(lines))
    return root


def run_small(small_bert, worlds, task, seed=0, **options):
    recipe = {"learning_rate": 5e-3, "epochs": 5, "max_length": 32, "batch_size": 16} | options
    return run(plan(Request("bert", task, str(small_bert), data_dir=str(worlds), recipe=recipe, seed=seed)))


def of_test(done):
    return [row for row in done.predictions if row["split"] == "test"]


def share(rows):
    return sum(row["terms"][0] for row in rows) / len(rows)


def test_scores_of_any_unit_are_learned(small_bert, worlds):
    done = run_small(small_bert, worlds, "sts/names")
    rows, scores, task = of_test(done), done.record["scores"]["test"], done.record["task"]
    gold, found = ([row[side] for row in rows] for side in ("gold", "predicted"))
    assert scores["pearson"] > 0.9
    assert scores["rmse"] < 6
    assert scores["pearson"] == pytest.approx(pearsonr(gold, found).statistic, abs=1e-4)
    assert scores["spearman"] == pytest.approx(spearmanr(gold, found).statistic, abs=1e-4)
    assert share(rows) == pytest.approx(scores["pearson_spearman"])
    assert (task["metric"], task["lowest"], task["constant_guess"]) == ("pearson_spearman", -1.0, 0.0)


def test_several_labels_are_learned_with_a_threshold_of_dev(small_bert, worlds):
    done = run_small(small_bert, worlds, "multilabel/names")
    rows, scores = of_test(done), done.record["scores"]["test"]
    names = ["city", "neither", "person"]
    gold, found = ([[name in row[side] for name in names] for row in rows] for side in ("gold", "predicted"))
    for average in ("macro", "micro"):
        assert scores[f"{average}_f1"] == pytest.approx(f1_score(gold, found, average=average))
    assert scores["macro_f1"] > 0.8
    assert share(rows) == pytest.approx(scores["macro_f1"])
    threshold = done.record["tuned"]["threshold"]
    assert 0 < threshold < 1
    for row in rows:
        assert set(row["probabilities"]) == set(names)
        above = {name for name, sure in row["probabilities"].items() if sure > threshold + 1e-4}
        below = {name for name, sure in row["probabilities"].items() if sure < threshold - 1e-4}
        assert above <= set(row["predicted"]) <= set(names) - below
    constant = f1_score(gold, np.ones_like(gold), average="macro")
    assert done.record["task"]["constant_guess"] == pytest.approx(constant)
    assert "lowest" not in done.record["task"]


@pytest.fixture(scope="module")
def cola(small_bert, worlds):
    return run_small(small_bert, worlds, "classification/cola")


def test_a_declared_metric_holds_for_a_local_copy(cola):
    rows, scores, task = of_test(cola), cola.record["scores"]["test"], cola.record["task"]
    expected = matthews_corrcoef([row["gold"] for row in rows], [row["predicted"] for row in rows])
    assert scores["matthews"] == pytest.approx(expected)
    assert expected > 0.8
    assert share(rows) == pytest.approx(expected)
    assert (task["metric"], task["constant_guess"]) == ("matthews", 0.0)
    sure = [row["probabilities"]["acceptable"] for row in rows]
    assert scores["brier"] == pytest.approx(
        2 * brier_score_loss([row["gold"] == "acceptable" for row in rows], sure), abs=1e-3
    )
    assert 0 <= scores["ece"] < 0.5
    assert all(max(row["probabilities"], key=row["probabilities"].get) == row["predicted"] for row in rows)
    assert not {"schedule", "keep_best", "test_limit"} & set(cola.record["recipe"])


def test_the_best_epoch_on_dev_is_kept_and_the_epochs_before_are_those_of_a_usual_run(
    cola, small_bert, worlds, tmp_path
):
    kept = run_small(small_bert, worlds, "classification/cola", keep_best=True)
    assert kept.record["losses"] == cola.record["losses"]
    assert kept.record["scores"]["dev"]["matthews"] >= cola.record["scores"]["dev"]["matthews"]
    assert kept.record["tuned"]["epoch"] in (1.0, 2.0, 3.0, 4.0, 5.0)
    assert kept.record["recipe"]["keep_best"] is True
    assert kept.record["key"] != cola.record["key"]
    # An epoch that is the only one is the best one.
    once, usual = (
        run_small(small_bert, worlds, "multilabel/names", epochs=1, keep_best=keep) for keep in (True, False)
    )
    assert once.record["scores"] == usual.record["scores"]
    assert once.record["tuned"]["epoch"] == 1.0


def test_a_linear_probe_trains_the_head_alone_and_says_so(small_bert, worlds):
    probe = run_small(small_bert, worlds, "classification/cola", train="head", epochs=1)
    untouched = run_small(small_bert, worlds, "classification/cola", train="head", epochs=1, learning_rate=1e-12)
    assert probe.record["recipe"]["train"] == "head"
    assert probe.record["losses"] != untouched.record["losses"]
    assert any("linear probe" in caveat for caveat in probe.record["task"]["caveats"])
    assert "the head alone" in recipe_sentence(probe.record["recipe"])


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_schedule_is_that_of_the_recipe(cola, small_bert, worlds, schedule):
    done = run_small(small_bert, worlds, "classification/cola", schedule=schedule, epochs=1)
    linear = run_small(small_bert, worlds, "classification/cola", epochs=1)
    assert done.record["recipe"]["schedule"] == schedule
    # The warm-up is the same, what follows is not.
    assert done.record["losses"][0] == linear.record["losses"][0]
    assert done.record["losses"][-1] != linear.record["losses"][-1]


def test_a_trial_says_so_and_is_never_mixed_with_whole_test_sets(cola, small_bert, worlds):
    trial = run_small(small_bert, worlds, "classification/cola", test_limit=25)
    task = trial.record["task"]
    assert (task["n_dev"], task["n_test"], len(of_test(trial))) == (25, 25, 25)
    assert task["fingerprint"] != cola.record["task"]["fingerprint"]
    assert "this is a trial of classification/cola on a sample of 25 dev and 25 test examples" in task["caveats"][0]
    of_whole = {row["id"]: row["predicted"] for row in of_test(cola)}
    assert all(of_whole[row["id"]] == row["predicted"] for row in of_test(trial))
    assert len(entries([cola.record, trial.record])) == 2
    with pytest.raises(InputError, match="is a trial; run it without --test-limit for a card"):
        front_matter([trial.record])
    (one,) = entries([trial.record])
    (found,) = compare([(one, one)], *[lambda run: trial.predictions] * 2, resamples=50)
    assert any("is a trial" in note for note in found.notes)


def test_a_trial_that_leaves_nothing_out_is_not_called_a_sample(cola, small_bert, worlds):
    trial = run_small(small_bert, worlds, "classification/cola", test_limit=60)
    assert trial.record["recipe"]["test_limit"] == 60
    assert trial.record["scores"] == cola.record["scores"]
    (caveat,) = trial.record["task"]["caveats"]
    assert caveat.startswith("--test-limit left out none of the 40 dev and 60 test examples of classification/cola")


def test_what_cannot_keep_an_epoch_or_be_a_trial_says_so(small_bert):
    for task, options, message in (
        ("retrieval", {"train": "head"}, "--train head is not for retrieval"),
        ("retrieval", {"keep_best": True}, "--keep-best is not for retrieval, which does not score dev"),
        ("mteb", {"test_limit": 10}, "--test-limit is not for mteb"),
    ):
        with pytest.raises(InputError, match=message):
            plan(Request("bert", task, str(small_bert), recipe=options))


def test_a_negative_score_keeps_its_interval(cola):
    (one,) = entries([cola.record])
    turned = [row | {"terms": [-row["terms"][0], 1]} for row in cola.predictions]
    record = cola.record | {
        "scores": {split: {"matthews": -cola.record["scores"][split]["matthews"]} for split in ("dev", "test")}
    }
    (worse,) = entries([record])
    (found,) = compare([(worse, one)], lambda run: turned, lambda run: cola.predictions, resamples=200)
    assert found.our_score.low < found.our_score.value < 0
    assert found.difference.estimate.value < -1
