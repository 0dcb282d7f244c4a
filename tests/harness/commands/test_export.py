"""Runs as files for other programs, read back by these programs' own means."""

import csv
import io
import json
import shutil
import subprocess

import pandas as pd
import pytest

from harness.cli import run_command
from harness.store import Store
from tests.records import predictions_of, pretraining_record, run_record, sweep_records, write_run

SECRET = "/home/alice/secret"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A small sweep with a data folder in its commands."""
    folder = tmp_path_factory.mktemp("exported") / "runs"
    for record in sweep_records(
        models=("bert", "neobert"), datasets=("nli/docstrings", "ner/docstrings"), rates=(1e-3,)
    ):
        record["command"] += f" --data-dir {SECRET}"
        write_run(folder, record, predictions_of(record))
    return folder


def exported(capsys, *arguments):
    code = run_command(["export", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_predictions_are_one_safe_csv_per_run(tmp_path, capsys):
    record = run_record("bert", "nli/x")
    hostile = ["=1+1", "+x", "-x", "@x", "\tx", "\rx"]
    rows = [
        {
            "split": "test",
            "id": text,
            "text": text,
            "gold": text,
            "predicted": "b",
            "probabilities": {"b": 0.75, text: 0.25},
            "terms": [0, 1],
        }
        for text in hostile
    ]
    write_run(tmp_path / "runs", record, rows)
    code, out, _ = exported(capsys, "predictions", "--out", tmp_path / "runs", "--to", tmp_path / "files")
    assert code == 0
    (file,) = (tmp_path / "files").rglob("*.csv")
    assert out.strip() == str(file)
    assert file.parent.name == Store(tmp_path / "runs").folder_of(record).name
    head, *body = csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
    assert head[:8] == ["split", "id", "gold", "predicted", "probability", "probabilities", "numerator", "denominator"]
    assert len(body) == len(hostile)
    for row, text in zip(body, hostile, strict=True):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        assert row[4] == "0.75"
        assert json.loads(row[5])["b"] == 0.75
        assert row[1].lstrip("'").replace("\\r", "\r") == text


def test_predictions_of_sentences_have_lists_as_json(store, tmp_path, capsys):
    one = next(store.glob("*ner-docstrings*"))
    assert exported(capsys, "predictions", one, "--out", store, "--to", tmp_path)[0] == 0
    frame = pd.read_csv(tmp_path / one.name / "predictions.csv")
    first = frame.iloc[0]
    assert json.loads(first["tokens"])[0] == "Returns"
    assert first["probability"] == min(json.loads(first["probabilities"]))
    assert len(frame) == 100


def test_results_are_all_runs_in_one_file_without_paths(store, tmp_path, capsys):
    assert exported(capsys, "results", "--out", store, "--to", tmp_path)[0] == 0
    frame = pd.read_csv(tmp_path / "results.csv")
    assert len(frame) == 2 * 2 * 3 * 2  # encoders, datasets, seeds, and dev beside test
    assert set(frame["model"]) == {"bert", "neobert"}
    assert {"accuracy", "entity_f1_strict", "learning_rate", "command"} <= set(frame.columns)
    assert SECRET not in (tmp_path / "results.csv").read_text()


def test_latex_tables_stand_alone_and_mark_what_is_significant(store, tmp_path, capsys):
    code, out, _ = exported(capsys, "latex", "--out", store, "--to", tmp_path)
    assert code == 0
    paper = (tmp_path / "paper-tiny.tex").read_text()
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:paper-tiny}", "3 seeds", "95", r"\textbf{"):
        assert part in paper
    assert r"nli/docstrings (accuracy)" in paper
    assert paper.count(r"\\") == 3
    assert str(tmp_path / "nli-docstrings-tiny.tex") in out
    assert SECRET not in "".join(file.read_text() for file in tmp_path.glob("*.tex"))


@pytest.mark.slow
def test_latex_typesets_the_tables(store, tmp_path, capsys):
    if not shutil.which("pdflatex"):
        pytest.skip("needs pdflatex, which is not on the PATH")
    exported(capsys, "latex", "--out", store, "--to", tmp_path)
    inputs = "".join(rf"\input{{{file.name}}}" for file in tmp_path.glob("*.tex"))
    (tmp_path / "all.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{inputs}\end{{document}}"
    )
    subprocess.run(["pdflatex", "-halt-on-error", "all.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_mteb_reads_retrieval_runs_and_we_import_them_again(tmp_path, capsys):
    from mteb.results import TaskResult

    scores = {"ndcg_at_10": 0.25, "recall_at_100": 0.5, "ndcg_at_10.part": 0.1}
    for seed, dataset in enumerate(("retrieval/nfcorpus", "retrieval/mine")):
        run = run_record("bert", dataset, seed, 1e-3, 0.25, key=f"aaaa{seed}", scores={"dev": {}, "test": scores})
        write_run(tmp_path / "runs", run)
    code, _, _ = exported(capsys, "mteb", "--out", tmp_path / "runs", "--to", tmp_path)
    assert code == 0
    files = {file.name: file for file in (tmp_path / "mteb").rglob("*.json")}
    assert set(files) == {"NFCorpus.json", "mine.json", "model_meta.json"}
    result = TaskResult.from_disk(files["NFCorpus.json"])
    assert (result.task_name, result.get_score()) == ("NFCorpus", 0.25)
    assert result.scores["test"][0]["languages"] == ["eng-Latn"]
    assert "ndcg_at_10.part" not in result.scores["test"][0]
    assert run_command(["import", "mteb", str(tmp_path / "mteb"), "--out", str(tmp_path / "again")]) == 0
    records = {one["task"]["dataset"]: one for one in Store(tmp_path / "again").records("imported")}
    assert set(records) == {"mteb/NFCorpus", "mteb/mine"}
    assert records["mteb/NFCorpus"]["scores"] == {"test": {"ndcg_at_10": 0.25, "recall_at_100": 0.5}}
    assert records["mteb/NFCorpus"]["model"]["name"] == "encoder-harness/bert-tiny"


def test_mteb_gets_no_trials_because_its_format_cannot_mark_them(tmp_path, capsys):
    scores = {"dev": {}, "test": {"ndcg_at_10": 0.25}}
    trial = run_record("bert", "retrieval/mine", recipe={"test_limit": 5}, key="aaaa0", scores=scores)
    write_run(tmp_path / "runs", trial)
    code, out, error = exported(capsys, "mteb", "--out", tmp_path / "runs", "--to", tmp_path)
    assert (code, out) == (2, "")
    assert "every run is a trial" in error
    assert "run again without --test-limit: bert-tiny_retrieval-mine_aaaa0" in error
    assert not (tmp_path / "mteb").exists()
    write_run(tmp_path / "runs", run_record("bert", "retrieval/mine", key="aaaa1", scores=scores))
    code, out, error = exported(capsys, "mteb", "--out", tmp_path / "runs", "--to", tmp_path)
    assert code == 0
    assert [line.split("/")[-2:] for line in out.split()] == [["aaaa1", "mine.json"]]
    assert "note: trials (--test-limit) are left out" in error
    assert "bert-tiny_retrieval-mine_aaaa0" in error


@pytest.mark.parametrize("kind", ["results", "predictions", "latex", "store"])
def test_damaged_records_are_named_once_and_left_out(tmp_path, capsys, kind):
    for name in ("bert", "neobert"):
        record = run_record(name, "nli/x")
        write_run(tmp_path / "runs", record, predictions_of(record))
    damaged = next((tmp_path / "runs").glob("neobert*")) / "run.json"
    damaged.write_text(damaged.read_text()[:-9])
    code, out, error = exported(capsys, kind, "--out", tmp_path / "runs", "--to", tmp_path / "files")
    assert code == 0
    assert "neobert" not in out
    assert error.count(f"harness: {damaged} ") == error.count("it is left out") == 1


@pytest.mark.parametrize("kind", ["predictions", "store"])
def test_damaged_predictions_are_named_before_anything_is_written(tmp_path, capsys, kind):
    for name in ("bert", "neobert"):
        record = run_record(name, "nli/x")
        write_run(tmp_path / "runs", record, predictions_of(record))
    damaged = next((tmp_path / "runs").glob("neobert*")) / "predictions.jsonl"
    damaged.write_text("{}")
    code, out, error = exported(capsys, kind, "--out", tmp_path / "runs", "--to", tmp_path / "files")
    assert (code, out) == (2, "")
    assert f"{damaged} is missing, or was changed" in error
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mteb"], "none of the runs is of retrieval"),
        (["predictions", "ffff"], "is neither a run's folder nor the key of a run"),
        (["latex", "--to", "/proc/none"], "nothing can be written to /proc/none"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(store, capsys, arguments, sentence):
    code, out, error = exported(capsys, *arguments, "--out", store)
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1


def test_an_empty_store_has_nothing_to_export(tmp_path, capsys):
    code, _, error = exported(capsys, "results", "--out", tmp_path / "none")
    assert code == 2
    assert "has no finished run to export" in error


def tables_of(store, folder):
    assert run_command(["report", "--out", str(store), "--report", str(folder)]) == 0
    return {file.name: file.read_text() for file in (folder / "tables").iterdir()}


def test_a_published_store_gives_the_same_tables_without_texts_or_paths(store, tmp_path, capsys):
    code, out, _ = exported(capsys, "store", "--out", store, "--to", tmp_path)
    assert code == 0
    copy = tmp_path / "runs"
    assert sorted(out.split()) == sorted(map(str, copy.iterdir()))
    assert {folder.name for folder in copy.iterdir()} == {folder.name for folder in store.iterdir()}
    whole = "".join(file.read_text() for file in copy.rglob("*") if file.is_file())
    assert SECRET not in whole
    assert "Returns" not in whole
    ours, theirs = (tables_of(folder, tmp_path / f"report-{number}") for number, folder in enumerate((store, copy)))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].replace(SECRET, "DIR") == theirs[name]


def test_a_published_store_has_its_pretrainings_and_none_of_the_examples(tmp_path, capsys):
    rows = [
        {
            "split": split,
            "id": f"{split}-1",
            "text": "secret words",
            "gold": "a",
            "predicted": "a",
            "terms": [1, 1],
            "depth": 0.5,
        }
        for split in ("dev", "test")
    ]
    run = run_record("bert", "nli/x")
    write_run(tmp_path / "runs", run, rows)
    pretrained = pretraining_record("bert")
    write_run(tmp_path / "runs", pretrained, None)
    assert exported(capsys, "store", "--out", tmp_path / "runs", "--to", tmp_path / "copy")[0] == 0
    copy = Store(tmp_path / "copy" / "runs")
    (found,) = copy.records()
    assert copy.predictions(found) == [{"split": "test", "id": "test-1", "terms": [1, 1], "depth": 0.5}]
    assert [record["key"] for record in copy.records("pretraining")] == [pretrained["key"]]
    assert run_command(["report", "--out", str(copy.folder), "--report", str(tmp_path / "report")]) == 0
    assert 'id="examples"' not in (tmp_path / "report" / "report.html").read_text()


def test_a_store_is_not_exported_into_itself(store, capsys):
    code, _, err = exported(capsys, "store", "--out", store, "--to", store.parent)
    assert code == 2
    assert "is the store itself" in err


def test_a_copied_folder_does_not_make_a_key_name_several_runs(tmp_path, capsys):
    record = run_record("bert", "nli/x")
    folder = write_run(tmp_path, record, predictions_of(record))
    shutil.copytree(folder, folder.with_name(f"{folder.name} (copy)"))
    code, out, _ = exported(capsys, "model-index", record["key"], "--out", tmp_path)
    assert (code, out.startswith("---")) == (0, True)
