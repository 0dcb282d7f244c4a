"""Other people's scores: read as their tools write them, kept as what they are, and refused by a sentence."""

import hashlib
import json

import pytest

from harness.cli import run_command
from harness.store import Store

MTEB = {
    "dataset_revision": "ec0fa4fe99da2ff19ca1214b7966684033a58814",
    "task_name": "NFCorpus",
    "mteb_version": "2.1.0",
    "scores": {
        "test": [
            {
                "ndcg_at_10": 0.31,
                "recall_at_100": 0.29,
                "main_score": 0.31,
                "hf_subset": "default",
                "languages": ["eng-Latn"],
            }
        ]
    },
    "evaluation_time": 12.5,
    "kg_co2_emissions": None,
}

MTEB_BEFORE_1_11 = {
    "dataset_revision": "0fd18e25b25c072e09e0d92ab615fda904d66300",
    "mteb_dataset_name": "Banking77Classification",
    "mteb_version": "1.0.2",
    "test": {"accuracy": 0.8, "accuracy_stderr": 0.01, "f1": 0.79, "main_score": 0.8, "evaluation_time": 9.0},
}

SEVERAL_SUBSETS = {
    **MTEB,
    "task_name": "AmazonCounterfactualClassification",
    "scores": {
        split: [
            {"accuracy": value, "main_score": value, "hf_subset": subset, "languages": [language]}
            for subset, language, value in (("en", "eng-Latn", 0.7), ("de", "deu-Latn", 0.6))
        ]
        for split in ("validation", "test")
    },
}


def written(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def imported(out):
    return {(record["task"]["dataset"], record["task"]["subset"]): record for record in Store(out).records("imported")}


def test_mteb_results_become_imported_records(tmp_path, capsys):
    results = tmp_path / "results"
    model = results / "some-org__some-model" / "abc123"
    written(model / "NFCorpus.json", MTEB)
    written(model / "AmazonCounterfactualClassification.json", SEVERAL_SUBSETS)
    written(model / "model_meta.json", {"name": "some-org/some-model", "revision": "abc123"})
    written(results / "old__model" / "Banking77Classification.json", MTEB_BEFORE_1_11)
    assert run_command(["import", "mteb", str(results), "--out", str(tmp_path / "store")]) == 0
    assert "some-org/some-model on mteb/NFCorpus: ndcg_at_10 0.3100 on test" in capsys.readouterr().out
    records = imported(tmp_path / "store")
    assert len(records) == 4
    record = records["mteb/NFCorpus", None]
    assert record["protocol"] == "mteb"
    assert record["model"] == {
        "name": "some-org/some-model",
        "size": "imported",
        "weights": "some-org/some-model",
        "revision": "abc123",
    }
    assert record["task"]["name"] == "Retrieval"
    assert record["task"]["metric"] == "ndcg_at_10"
    assert record["task"]["revision"] == MTEB["dataset_revision"]
    assert record["scores"] == {"test": {"ndcg_at_10": 0.31, "recall_at_100": 0.29}}
    file = model / "NFCorpus.json"
    assert record["source"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record["source"] == {**record["source"], "file": "NFCorpus.json", "version": "2.1.0"}
    german = records["mteb/AmazonCounterfactualClassification", "de"]
    assert german["scores"] == {"dev": {"accuracy": 0.6}, "test": {"accuracy": 0.6}}
    assert german["task"]["languages"] == ["deu-Latn"]
    old = records["mteb/Banking77Classification", None]
    assert old["model"]["name"] == "old/model"
    assert old["scores"]["test"]["accuracy"] == 0.8
    assert old["task"]["metric"] == "accuracy"


def test_the_same_file_again_is_the_same_record_and_runs_are_apart(tmp_path):
    file = written(tmp_path / "NFCorpus.json", MTEB)
    for _ in range(2):
        assert run_command(["import", "mteb", str(file), "--model", "mine", "--out", str(tmp_path / "store")]) == 0
    store = Store(tmp_path / "store")
    assert len(list(store.records("imported"))) == 1
    assert list(store.records()) == []


def test_a_report_shows_them_as_not_our_protocol(tmp_path):
    file = written(tmp_path / "NFCorpus.json", MTEB)
    out = str(tmp_path / "store")
    assert run_command(["import", "mteb", str(file), "--model", "mine", "--out", out]) == 0
    assert run_command(["report", "--out", out, "--report", str(tmp_path / "report")]) == 0
    table = (tmp_path / "report" / "tables" / "imported.csv").read_text()
    assert "not our protocol" in table
    assert "mine" in table


ENCODEVAL = {
    "SC/sst2/lr1e-04_sd0": {
        "validation": {"accuracy": [1, 0, 1, 1]},
        "test": {"accuracy": [1, 1, 1, 0, 0, 1], "subset": ["en", "en", "en", "en", "fr", "fr"]},
    },
    "IR/nq": {"test": {"ndcg": [0.5, 1.0, 0.0]}},
    "SR/seahorse": {"test": {"prediction": [0.1, 0.2, 0.9], "label": [1.0, 3.0, 2.0]}},
    "TC/conll2003/lr1e-05_sd1": {"test": {"prediction": [[0, 1, 1], [2]], "labels": [[0, 1, 0], [2]]}},
    "TC/later": {
        "test": {
            "average": None,
            "per_instance": {"prediction_token": [[0, 1]], "labels_token": [[0, 0]], "prediction_subtoken": [[0, 1]]},
        }
    },
}


def test_encodeval_results_are_scored_as_encodeval_ranks_them(tmp_path):
    for place, content in ENCODEVAL.items():
        written(tmp_path / "results" / "model1" / place / "results.json", content)
    assert run_command(["import", "encodeval", str(tmp_path / "results"), "--out", str(tmp_path / "store")]) == 0
    records = {dataset: record for (dataset, _), record in imported(tmp_path / "store").items()}
    assert {record["model"]["name"] for record in records.values()} == {"model1"}
    sst2 = records["encodeval/sst2"]
    assert sst2["scores"]["dev"] == {"accuracy": 0.75}
    assert sst2["scores"]["test"] == {"accuracy": 0.625, "accuracy.en": 0.75, "accuracy.fr": 0.5}
    assert sst2["recipe"] == {"hyperparameters": "lr1e-04_sd0"}
    assert records["encodeval/nq"]["scores"]["test"]["ndcg_at_10"] == pytest.approx(0.5)
    assert records["encodeval/seahorse"]["scores"]["test"]["spearman_correlation"] == pytest.approx(0.5)
    conll = records["encodeval/conll2003"]
    assert conll["scores"]["test"]["token_f1_micro"] == pytest.approx(0.75)
    assert "not an entity F1" in conll["source"]["notes"][0]
    assert records["encodeval/later"]["scores"]["test"]["token_f1_micro"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("protocol", "content", "sentence"),
    [
        ("mteb", "{", "is not JSON"),
        ("mteb", [1], "is not an MTEB result: it names no task"),
        ("mteb", {"task_name": "NFCorpus", "mteb_version": "2.1.0"}, "is not an MTEB result that mteb can read"),
        ("mteb", MTEB, "names its model"),
        ("mteb", MTEB | {"scores": {}}, "holds no scores of NFCorpus; leave it out"),
        ("mteb", MTEB | {"scores": {"test": []}}, "holds no scores of NFCorpus; leave it out"),
        ("encodeval", {"accuracy": [1]}, "is not a result of EncodEval"),
        ("encodeval", {"test": {"bleu": [1]}}, "holds none of accuracy, ndcg"),
        ("encodeval", {"test": {"accuracy": []}}, "lists of different or no lengths"),
        ("encodeval", {"test": {"accuracy": [1], "subset": ["en", "fr"]}}, "lists of different or no lengths"),
        ("encodeval", {"test": {"accuracy": ["good"]}}, "cannot be scored"),
        ("encodeval", {"test": {"accuracy": [1]}}, "does not name its model"),
        ("encodeval", {"test": {"accuracy": [float("nan"), 1]}}, "gives nan as accuracy"),
        ("encodeval", {"test": {"ndcg": [float("inf"), 1]}}, "gives inf as ndcg_at_10"),
        ("encodeval", {"test": {"accuracy": [float("nan"), 1], "subset": ["en", "fr"]}}, "gives nan as accuracy"),
        ("encodeval", {"test": {"prediction": [1], "label": [1]}}, "gives nan as spearman_correlation"),
        ("encodeval", {"test": {"accuracy": [1e308] * 10}}, "cannot be scored"),
    ],
)
def test_other_files_are_refused_by_a_sentence(protocol, content, sentence, tmp_path, capsys):
    file = written(tmp_path / "results.json", content)
    assert run_command(["import", protocol, str(file), "--out", str(tmp_path / "store")]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_a_main_score_that_is_no_number_is_refused_and_another_one_is_left_out(tmp_path, capsys):
    (scores,) = MTEB["scores"]["test"]
    out = tmp_path / "store"
    for changes, code in (({"main_score": float("nan")}, 2), ({"nauc_ndcg_at_10_std": float("nan")}, 0)):
        file = written(tmp_path / "results.json", MTEB | {"scores": {"test": [scores | changes]}})
        assert run_command(["import", "mteb", str(file), "--model", "m", "--out", str(out)]) == code
    assert "has no main score" in capsys.readouterr().err
    (record,) = imported(out).values()
    assert record["scores"]["test"] == {"ndcg_at_10": 0.31, "recall_at_100": 0.29}


def test_scores_on_train_are_left_out_and_named(tmp_path, capsys):
    scores, out = MTEB["scores"]["test"], tmp_path / "store"
    train = written(tmp_path / "a__b" / "train.json", MTEB | {"scores": {"train": scores}})
    assert run_command(["import", "mteb", str(train), "--out", str(out)]) == 2
    assert "all scores are on train, so there is nothing to import" in capsys.readouterr().err
    assert not out.exists()
    both = written(tmp_path / "a__b" / "both.json", MTEB | {"scores": {"train": scores, "validation": scores}})
    assert run_command(["import", "mteb", str(tmp_path / "a__b"), "--out", str(out)]) == 0
    (record,) = imported(out).values()
    assert set(record["scores"]) == {"dev"}
    error = capsys.readouterr().err
    assert all(f"note: the scores on train in {file} are left out" in error for file in (train, both))


def test_escape_sequences_of_a_file_reach_neither_the_terminal_nor_a_table(tmp_path, capsys):
    name = "\x1b]0;pwned\x07\x1b[2J\x1b[31mNFC"
    file = written(tmp_path / "results.json", MTEB | {"task_name": name})
    out, report = str(tmp_path / "store"), tmp_path / "report"
    assert run_command(["import", "mteb", str(file), "--model", "=HYPERLINK(0)", "--out", out]) == 0
    assert run_command(["report", "--out", out, "--report", str(report)]) == 0
    captured = capsys.readouterr()
    files = {path: path.read_text(encoding="utf-8") for path in report.rglob("*.*") if path.suffix != ".png"}
    assert r"\x1b]0;pwned" in captured.out
    assert any(r"\x1b]0;pwned" in content for content in files.values())
    assert not [one for one in (captured.out, captured.err, *files.values()) if "\x1b" in one or "\x07" in one]
    assert "'=HYPERLINK(0)," in (report / "tables" / "imported.csv").read_text()


def test_a_folder_with_one_bad_file_brings_nothing(tmp_path, capsys):
    written(tmp_path / "a__b" / "NFCorpus.json", MTEB)
    written(tmp_path / "a__b" / "Other.json", {})
    assert run_command(["import", "mteb", str(tmp_path), "--out", str(tmp_path / "store")]) == 2
    assert "Other.json" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_paths_that_hold_nothing_are_named(tmp_path, capsys):
    assert run_command(["import", "mteb", str(tmp_path / "none")]) == 2
    assert "there is no file or folder" in capsys.readouterr().err
    assert run_command(["import", "encodeval", str(tmp_path)]) == 2
    assert "holds no results.json" in capsys.readouterr().err
