"""A trained model is tested on other datasets: labels by name, refusals before the training, and how everything reads the record."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.cli import run_command
from harness.comparison.entries import entries
from harness.errors import InputError
from harness.pipelines import labelling
from harness.pipelines.pipeline import run
from harness.report.comparable import comparisons
from harness.report.files import transfer
from harness.store import Store
from harness.store.frame import runs
from harness.store.record import by_test_set
from tasks.metrics import entity_scores
from tests.harness.pipelines.test_retrieval import write_world
from tests.records import run_record

QUICK = {"max_steps": 2, "max_length": 32, "batch_size": 8, "precision": "fp32"}


def pair(premise, hypothesis, label):
    return json.dumps({"premise": premise, "hypothesis": hypothesis, "label": label})


def write_pairs(folder: Path, sizes: dict[str, int], labels: list[str]) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(folder.name))
    for split, size in sizes.items():
        chosen = [labels[number % len(labels)] for number in range(size)]
        rows = [
            pair(f"a man {random.integers(99)}", f"{folder.name} {split} {n}", label) for n, label in enumerate(chosen)
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(rows))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    three, small = ["entailment", "neutral", "contradiction"], {"train": 30, "dev": 6, "test": 9}
    write_pairs(root / "nli" / "three", small, three)
    write_pairs(root / "nli" / "other", {"test": 12}, three)
    write_pairs(root / "nli" / "hans", {"test": 8}, ["entailment", "non-entailment"])
    write_pairs(root / "nli" / "upper", {"dev": 3, "test": 6}, ["ENTAILMENT", "NEUTRAL"])
    write_pairs(root / "nli" / "strange", {"test": 6}, ["entailment", "paraphrase"])
    write_pairs(root / "nli" / "unlabelled", {"test": 6}, ["-"])
    (root / "nli" / "untested").mkdir()
    for name, types in {"cities": ("PER", "LOC"), "places": ("LOC",), "films": ("FILM",)}.items():
        (root / "ner" / name).mkdir(parents=True)
        for seed, split in enumerate(("train", "dev", "test") if name == "cities" else ("test",)):
            rows = [
                f"{word}\tB-{types[n % len(types)]}\nran\tO\n" for n, word in enumerate(["Ada", "Oslo", "Rome"] * 4)
            ]
            (root / "ner" / name / f"{split}.conll").write_text("\n".join(rows[seed:]))
    write_world(root / "retrieval" / "codes", {"train": 40, "dev": 10, "test": 10})
    write_world(root / "retrieval" / "unjudged", {"test": 20}, seed=1)
    return root


def planned(small_bert, data, task, test, **recipe):
    request = Request("bert", task, str(small_bert), data_dir=str(data), recipe=QUICK | recipe, test=tuple(test))
    return plan(request)


def test_every_test_set_has_its_own_facts_and_predictions(small_bert, data):
    done = run(planned(small_bert, data, "nli/three", ["nli/other", "nli/hans", "nli/upper"]))
    alone = run(planned(small_bert, data, "nli/three", []))
    assert done.record["scores"] == alone.record["scores"]
    assert done.record["losses"] == alone.record["losses"]
    assert done.record["task"] == alone.record["task"]
    assert "tests" not in alone.record
    tests = {test["task"]["dataset"]: test for test in done.record["tests"]}
    assert list(tests) == ["nli/hans", "nli/other", "nli/upper"]
    assert len({test["task"]["fingerprint"] for test in tests.values()} | {done.record["task"]["fingerprint"]}) == 4
    assert [test["task"]["n_test"] for test in tests.values()] == [8, 12, 6]
    assert tests["nli/other"]["task"]["constant_guess"] == pytest.approx(1 / 3)
    assert tests["nli/hans"]["task"]["constant_guess"] == 0.5
    for name, test in tests.items():
        rows = [row for row in done.predictions if row.get("test_set") == name]
        assert {row["split"] for row in rows} == {"test"}
        assert len(rows) == test["task"]["n_test"]
        assert np.mean([row["predicted"] == row["gold"] for row in rows]) == pytest.approx(test["scores"]["accuracy"])
    assert {row["predicted"] for row in done.predictions if row.get("test_set") == "nli/hans"} <= {
        "entailment",
        "non-entailment",
    }
    assert tests["nli/hans"]["task"]["caveats"] == [
        "contradiction and neutral count as non-entailment, as usual for this kind of test"
    ]
    assert "contradiction, which this test set never has" in tests["nli/upper"]["task"]["caveats"][0]
    assert [row for row in done.predictions if "test_set" not in row] == alone.predictions


def test_the_same_dataset_as_test_set_gives_the_same_score_and_all_of_it_overlaps(small_bert, data, tmp_path):
    copy = tmp_path / "nli"
    for name in ("three", "twin", "seen"):
        (copy / name).mkdir(parents=True)
        for split in ("train", "dev", "test"):
            source = "train" if name == "seen" else split
            (copy / name / f"{split}.jsonl").write_bytes((data / "nli" / "three" / f"{source}.jsonl").read_bytes())
    record = run(planned(small_bert, tmp_path, "nli/three", ["nli/twin", "nli/seen"])).record
    seen, twin = record["tests"]
    assert twin["scores"] == record["scores"]["test"]
    assert twin["task"]["fingerprint"] == record["task"]["fingerprint"]
    assert (twin["task"]["overlap"]["test"], seen["task"]["overlap"]["test"]) == (0.0, 1.0)


def test_entity_types_are_found_by_name_and_those_not_annotated_count_as_no_entity(small_bert, data):
    done = run(planned(small_bert, data, "ner/cities", ["ner/places"], max_steps=6, learning_rate=5e-3))
    (test,) = done.record["tests"]
    rows = [row for row in done.predictions if row.get("test_set") == "ner/places"]
    assert {tag for row in rows for tag in row["predicted"]} <= {"O", "B-LOC", "I-LOC"}
    assert entity_scores([row["gold"] for row in rows], [row["predicted"] for row in rows]) == test["scores"]
    assert test["task"]["caveats"] == [
        "the model also predicts the label PER, which this test set never has: they count as O"
    ]


def test_zero_shot_retrieval_scores_what_a_run_on_that_collection_scores(small_bert, data):
    """The trained encoder, evaluated by the same search: a test set equal to the training collection gets equal scores."""
    write = data / "retrieval" / "twin"
    if not write.exists():
        write_world(write, {"train": 40, "dev": 10, "test": 10})
    done = run(planned(small_bert, data, "retrieval/codes", ["retrieval/twin", "retrieval/unjudged"]))
    twin, unjudged = done.record["tests"]
    assert twin["scores"] == done.record["scores"]["test"]
    assert (unjudged["task"]["n_test"], unjudged["task"]["n_documents"]) == (20, 84)
    rows = [row for row in done.predictions if row.get("test_set") == "retrieval/unjudged"]
    assert np.mean([row["terms"][0] for row in rows]) == pytest.approx(unjudged["scores"]["ndcg_at_10"])


@pytest.mark.parametrize(
    ("task", "test", "message"),
    [
        ("nli/three", ["ner/cities"], "cannot be tested on ner/cities, which is of another family"),
        ("nli/three", ["nli/nothing"], "there is no folder"),
        ("nli/three", ["nlj/three"], "nlj"),
        ("nli/three", ["nli/untested"], r"test.jsonl is missing; the folder of a dataset to test on holds it"),
        ("nli/three", ["nli/hans", "nli/hans"], "names nli/hans twice"),
        ("nli/three", [""], "the task '' has no family"),
        ("rerank/codes", ["rerank/codes"], "rerank is not tested on other collections"),
        ("lm/docstrings", ["lm/docstring_pairs"], "nothing is trained on lm/docstrings, so there is nothing to test"),
        (
            "retrieval/unjudged",
            ["retrieval/codes"],
            "nothing is trained on retrieval/unjudged, so there is nothing to test",
        ),
    ],
)
def test_test_sets_that_cannot_be_are_refused_when_the_cell_is_planned(small_bert, data, task, test, message):
    recipe = {} if task.startswith("nli") else {"max_steps": None}
    folder = None if task.startswith("lm") else data
    with pytest.raises(InputError, match=message):
        plan(
            Request(
                "bert", task, str(small_bert), data_dir=folder and str(folder), recipe=QUICK | recipe, test=tuple(test)
            )
        )


@pytest.mark.parametrize(
    ("task", "test", "message"),
    [
        (
            "nli/three",
            "nli/strange",
            "the test set nli/strange has the label paraphrase, which the training data never have: "
            "the model knows contradiction, entailment, neutral",
        ),
        ("nli/three", "nli/unlabelled", "has no gold labels"),
        ("ner/cities", "ner/films", "the test set ner/films has the label FILM, .* the model knows LOC, PER"),
    ],
)
def test_unknown_labels_are_refused_before_the_training(small_bert, data, monkeypatch, task, test, message):
    def trained(*_arguments, **_options):
        raise AssertionError("it was trained")

    monkeypatch.setattr(labelling, "fit", trained)
    with pytest.raises(InputError, match=message):
        run(planned(small_bert, data, task, [test]))


def test_test_sets_are_in_the_key_in_any_order_and_only_if_there_are_some(small_bert, data):
    def key(*test):
        return planned(small_bert, data, "nli/three", test).cell.key

    assert key("nli/other", "nli/hans") == key("nli/hans", "nli/other") != key("nli/other") != key()
    assert key("nli/three") == key()
    twice = planned(small_bert, data, "nli/three", ["nli/three", "nli/other"])
    assert plan(twice.resolved).cell.key == key("nli/other")


@pytest.fixture(scope="module")
def store(small_bert, data, tmp_path_factory):
    """Two encoders on the same data, from two seeds each, one of them trained without test sets too."""
    store = Store(tmp_path_factory.mktemp("runs") / "runs")
    for rate in (1e-3, 5e-3):
        for seed in (0, 1):
            recipe = QUICK | {"learning_rate": rate}
            for test in (("nli/other", "nli/hans"), ())[: 2 if rate == 1e-3 else 1]:
                request = Request(
                    "bert", "nli/three", str(small_bert), data_dir=str(data), recipe=recipe, test=test, seed=seed
                )
                cell = plan(request)
                done = run(cell)
                store.write(cell.cell, done.record, done.predictions)
    for seed in (0, 1):
        request = Request("bert", "nli/three", data_dir=str(data), recipe=QUICK, test=("nli/other",), seed=seed)
        cell = plan(request)
        done = run(cell)
        store.write(cell.cell, done.record, done.predictions)
    return store


def test_entries_choose_the_rate_on_the_training_data_and_count_a_training_once(store):
    found = {(entry.where, entry.size): entry for entry in entries(store.records())}
    own, other = found["nli/three", "custom"], found["nli/other (trained on nli/three)", "custom"]
    assert len(own.runs) == len(other.runs) == 2
    assert own.learning_rate == other.learning_rate
    assert own.dev_by_learning_rate == other.dev_by_learning_rate
    for run_ in other.runs:
        rows = [row for row in store.predictions(run_) if row["split"] == "test"]
        assert np.mean([row["terms"][0] for row in rows]) == pytest.approx(run_["scores"]["test"]["accuracy"])


def test_a_table_has_a_row_for_each_test_set(store):
    frame = runs(store.records())
    tested = frame[frame["trained_on"].notna()]
    assert set(tested["dataset"]) == {"nli/other", "nli/hans"}
    assert set(tested["trained_on"]) == {"nli/three"}
    assert set(tested["split"]) == {"test"}
    assert len(frame[frame["dataset"] == "nli/three"]) == 2 * 8
    record = next(one for one in store.records() if len(one.get("tests", [])) == 2)
    assert [one["task"]["dataset"] for one in by_test_set(record)] == ["nli/three", "nli/hans", "nli/other"]


def test_compare_takes_a_test_set_and_no_dev_of_it(store, capsys, small_bert):
    names = [f"bert:custom@{small_bert}", "bert:tiny"]
    assert run_command(["compare", *names, "--test", "nli/other", "--out", str(store.folder), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["dataset"], row["trained_on"], row["n_examples"]) == ("nli/other", "nli/three", 12)
    assert run_command(["compare", *names, "--test", "nli/hans", "--out", str(store.folder)]) == 2
    assert "no dataset in common with the test set nli/hans" in capsys.readouterr().err
    assert run_command(["compare", *names, "--test", "nli/other", "--split", "dev", "--out", str(store.folder)]) == 2
    assert "of a test set no dev split is scored" in capsys.readouterr().err
    assert run_command(["compare", *names, "--split", "dev", "--out", str(store.folder), "--json"]) == 0
    assert [row["dataset"] for row in json.loads(capsys.readouterr().out)] == ["nli/three"]


def test_a_report_has_the_matrix(store, tmp_path, capsys):
    assert run_command(["report", "--out", str(store.folder), "--report", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "trained on" in shown
    assert "8 finished runs" in shown
    lines = (tmp_path / "tables" / "transfer-nli.csv").read_text().splitlines()
    assert lines[0] == "model,size,trained on,nli/hans,nli/other,nli/three,mean of others"
    found = {(entry.where, entry.size): np.median(entry.scores()) for entry in entries(store.records())}
    custom = next(line for line in lines if " without embeddings)," in line).split(",")
    hans, other = (found[f"nli/{name} (trained on nli/three)", "custom"] for name in ("hans", "other"))
    assert custom[3:] == [f"{value:.4f}" for value in (hans, other, found["nli/three", "custom"], (hans + other) / 2)]
    tiny = next(line for line in lines if ",tiny," in line).split(",")
    assert (tiny[3], tiny[6]) == ("–", "–")
    page = (tmp_path / "report.html").read_text()
    assert "Trained here, tested there" in page
    assert '"context": "nli/' not in page
    assert (tmp_path / "tables" / "transfer-nli.tex").is_file()
    assert (tmp_path / "tables" / "transfer-nli.md").is_file()


def test_a_ranker_is_averaged_over_the_test_sets_of_the_encoders():
    scores = {"bert": (0.6, 0.4, 0.2), "bm25": (0.5, 0.3, 0.1)}
    names = ("retrieval/a", "retrieval/b", "retrieval/c")
    trained = run_record("bert", names[0], score=scores["bert"][0])
    trained["tests"] = [
        {
            "task": trained["task"] | {"dataset": name, "fingerprint": name},
            "scores": {trained["task"]["metric"]: value},
        }
        for name, value in zip(names[1:], scores["bert"][1:], strict=True)
    ]
    trained["task"]["fingerprint"] = names[0]
    ranked = [
        run_record("bm25", name, score=value, task={"fingerprint": name}, model={"params_total": 0, "size": "lexical"})
        for name, value in zip(names, scores["bm25"], strict=True)
    ]
    found = comparisons([trained, *ranked], lambda ranked: (["best"] + [""] * (len(ranked) - 1), ""))
    (matrix,) = transfer.matrices(found)
    means = {row["model"]: row["mean"] for row in matrix.frame.to_dict("records")}
    assert means == {"bert": pytest.approx(0.3), "bm25": pytest.approx(0.2)}
