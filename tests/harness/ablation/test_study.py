"""Studies from beginning to end on tiny models."""

import csv
import json

from harness.cli import run_command


def rows_of(folder):
    return json.loads((folder / "ablations.json").read_text())


def test_a_study_ends_in_tables_and_the_same_command_runs_nothing_again(words, in_process, tmp_path, capsys, monkeypatch):
    study = words("--only", "all-dynamic,rows-64", seeds="0,1") if False else words("--only", "all-dynamic", seeds="0,1")
    assert run_command(study) == 0
    said = capsys.readouterr()
    print(said.out)
    print(said.err)
    print((tmp_path / "study/ablations.md").read_text())
    assert 0
