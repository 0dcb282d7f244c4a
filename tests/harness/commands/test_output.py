"""What commands print, whatever the data holds and whatever stdout takes: the exit code is that of the work."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.cli import run_command
from harness.store import Store
from tests.processes import Program
from tests.records import run_record, write_run

ENCODINGS = ("latin-1", "ascii", "cp1252")


@pytest.fixture(scope="module")
def debate(tmp_path_factory) -> Path:
    """A folder for --data-dir with a small retrieval dataset whose name and texts Latin-1 does not have."""
    root = tmp_path_factory.mktemp("débat→東京")
    folder = root / "retrieval" / "debate"
    (folder / "qrels").mkdir(parents=True)
    texts = {"d1": "“Solar” panels – and wind", "d2": "nuclear power 東京", "d3": "coal and gas"}
    rows = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "wind panels"}\n', encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n", encoding="utf-8")
    return root


def started(encoding: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return Program(["-m", "harness", *arguments], {"PYTHONIOENCODING": encoding, "COLUMNS": "140"}).wait()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_and_what_reads_it_end_well_in_every_encoding(encoding, debate, tmp_path):
    out = tmp_path / "runs→"
    run = ("run", "--model", "bm25", "--task", "retrieval/debate", "--data-dir", debate, "--out", out)
    commands = [run, ("list", "data")]
    if encoding == "latin-1":  # the others differ in the characters that they lack, not in how commands print
        commands += [(*run, "--json"), ("report", "--out", out)]
    for arguments in commands:
        done = started(encoding, *arguments)
        assert done.returncode == 0, done.stderr.decode(encoding)
        assert b"Traceback" not in done.stderr
        done.stdout.decode(encoding)
        if arguments == run:
            assert b"+---" in done.stdout  # lines of the table, which Latin-1 has no others for
        if "--json" in arguments:
            (record,) = Store(out).records()
            assert json.loads(done.stdout) == record


@pytest.mark.slow
def test_a_passed_gate_a_sweep_and_a_check_end_well_in_ascii(debate, tmp_path):
    request = {"model": "bm25", "task": "retrieval/debate", "data_dir": str(debate)}
    cells = [{"request": request, "seeds": [0, 1]}]
    file = tmp_path / "gate→.json"
    file.write_text(json.dumps({"schema_version": 1, "rerun_seeds": [0], "cells": cells}), encoding="utf-8")
    update = started("ascii", "regress", "--baseline", file, "--scores-only", "--update", "--why", "→")
    sweep = started(
        "ascii",
        "sweep",
        "--models",
        "bm25",
        "--tasks",
        "retrieval/debate",
        "--data-dir",
        debate,
        "--out",
        tmp_path / "runs→",
    )
    for done in (update, sweep, started("ascii", "check", "--model", "bert")):
        assert done.returncode == 0, done.stderr
        assert b"+---" in done.stdout


def test_a_model_card_is_utf8_whatever_the_terminal_takes(tmp_path):
    folder = write_run(tmp_path, run_record("bert", "nli/東京"))
    done = started("ascii", "export", folder)
    assert done.returncode == 0, done.stderr
    assert "nli/東京" in done.stdout.decode("utf-8")


@pytest.fixture
def hostile_data(tmp_path) -> Path:
    """A label that rich takes for markup and an entity type that closes a tag, with escape sequences in both."""
    nli, ner = tmp_path / "data" / "nli" / "note", tmp_path / "data" / "ner" / "markup"
    for folder in (nli, ner):
        folder.mkdir(parents=True)
    rows = [{"premise": f"a {n}", "hypothesis": "b", "label": "xy"[n % 2]} for n in range(6)]
    bad = {"premise": "a", "hypothesis": "b", "label": "\x1b[31m[/red]"}
    for split in ("train", "dev", "test"):
        lines = [json.dumps(row) for row in [*rows, *([bad] if split == "test" else [])]]
        (nli / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        (ner / f"{split}.conll").write_text("Ada\tB-[/b]\nwent\tO\n\n" * 4)
    return tmp_path / "data"


def hostile_run(task, data, weights, out):
    run = f"run --model bert --task {task} --skip-bad --max-steps 1 --max-length 16".split()
    return [*run, "--weights", str(weights), "--data-dir", str(data), "--out", str(out)]


@pytest.mark.parametrize(("task", "shown"), [("nli/note", "[/red]"), ("ner/markup", "[/b]")])
def test_a_finished_run_is_kept_and_shown_whatever_its_data_says(
    task, shown, hostile_data, small_bert, tmp_path, capsys
):
    out = tmp_path / "runs"
    assert run_command(hostile_run(task, hostile_data, small_bert, out)) == 0
    assert [record["status"] for record in Store(out).records()] == ["ok"]
    captured = capsys.readouterr()
    assert shown in captured.out + captured.err
    assert "\x1b" not in captured.out + captured.err


def test_the_record_is_written_before_anything_of_it_is_printed(hostile_data, small_bert, tmp_path, monkeypatch):
    from harness.pipelines import run_cell as execute

    out, kept = Store(tmp_path / "runs"), []
    printed = execute.stderr.print

    def looks(text: str) -> None:
        if text.startswith("note: "):
            kept.append([record["status"] for record in out.records()])
        printed(text)

    monkeypatch.setattr(execute.stderr, "print", looks)
    assert run_command(hostile_run("nli/note", hostile_data, small_bert, out.folder)) == 0
    assert kept
    assert all(statuses == ["ok"] for statuses in kept)


def test_an_error_shows_the_name_that_was_typed_and_obeys_none_of_it(capsys, tmp_path):
    assert run_command(["run", "--model", "\x1b[31m[/red]\x9b1m", "--task", "ner", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert r"\x1b[31m[/red]\x9b1m" in error
    assert "\x1b" not in error
