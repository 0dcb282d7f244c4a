"""What docs/ promises: its examples run as they stand there, and its commands are ones that the harness knows."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import _parser, run_command

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))


def blocks(document, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / document).read_text(encoding="utf-8"), re.DOTALL)


def commands():
    """Every line of a shell block that calls the harness, as words after ``-m harness``, without shell variables."""
    found = []
    for document in DOCS:
        for block in blocks(document.name, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                if "-m harness " in line:
                    text = re.sub(r"\$\{?\w+\}?", "1", line.partition("-m harness ")[2])
                    found.append(pytest.param(shlex.split(text, comments=True), id=f"{document.stem}: {text[:60]}"))
    return found


@pytest.mark.parametrize("words", commands())
def test_every_command_of_the_docs_is_one_that_the_harness_knows(words):
    assert _parser().parse_args(words).command


@pytest.mark.parametrize("script", [block for block in blocks("cluster.md", "sh") if block.startswith("#!/bin/bash")])
def test_the_batch_scripts_are_sound_bash(script):
    assert "#SBATCH" in script
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_files_that_the_docs_name_are_there():
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCS)
    links = re.findall(r"\]\(\.\./([^)#]+)\)", text) + re.findall(r"\b((?:recipes|tests)/[\w/.]+\.\w+)", text)
    assert {link for link in links if not (ROOT / link).exists()} == set()
    assert len(links) >= 3


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The two examples, written out."""
    folder = tmp_path_factory.mktemp("plugins")
    files = []
    for source in blocks("plugins.md", "python"):
        name = re.match(r"# (\w+\.py)\n", source).group(1)
        assert len(source.splitlines()) < 30
        (folder / name).write_text(source, encoding="utf-8")
        files.append(folder / name)
    assert [file.name for file in files] == ["my_encoder.py", "my_task.py"]
    return [word for file in files for word in ("--plugin", str(file))]


def harness(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=300,
        check=False, env={**os.environ, "HARNESS_DATA_DIR": ""},
    )  # fmt: skip


@pytest.fixture(scope="module")
def swept(plugins, tmp_path_factory):
    """A store with runs of the example encoder on the example task, two seeds, each in a child process."""
    out = tmp_path_factory.mktemp("store")
    grid = ["--models", "my-encoder", "--tasks", "colours", "--seeds", "0,1", "--lrs", "3e-3", "--epochs", "2"]
    done = harness("sweep", *grid, "--out", out, *plugins)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_they_are_listed(plugins, capsys):
    assert run_command(["list", "--json", *plugins]) == 0
    lists = json.loads(capsys.readouterr().out)
    assert "my-encoder" in {row["model"] for row in lists["models"]}
    assert "colours/made" in {row["task"] for row in lists["tasks"]}


def test_the_encoder_passes_the_checks(plugins):
    done = harness("check", "--model", "my-encoder", *plugins)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_sweep_learns_the_task_and_names_the_plugins_in_its_commands(swept, plugins):
    records = [json.loads(file.read_text()) for file in swept.glob("*/run.json")]
    assert [record["seed"] for record in sorted(records, key=lambda record: record["seed"])] == [0, 1]
    for record in records:
        assert record["scores"]["test"]["accuracy"] > 0.95
        assert all(word in shlex.split(record["command"]) for word in plugins)


def test_the_printed_command_finds_the_run_in_the_store(swept, plugins):
    record = json.loads(next(swept.glob("*/run.json")).read_text())
    done = harness(*shlex.split(record["command"])[3:], "--out", swept)
    assert "the store has this run already" in done.stderr, done.stderr


def test_a_dry_run_and_a_report_know_them_without_being_told_apart(swept, plugins, capsys, tmp_path):
    grid = ["--models", "my-encoder", "--tasks", "colours", "--seeds", "0-2", "--lrs", "3e-3", "--epochs", "2"]
    done = harness("sweep", *grid, "--dry-run", "--out", swept, *plugins)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("my-encoder") == 3
    assert done.stdout.count("done") == 2
    # A report reads records only, so that it needs no plug-in.
    assert run_command(["report", "--out", str(swept), "--report", str(tmp_path)]) == 0
    assert "my-encoder" in (tmp_path / "tables" / "leaderboard.csv").read_text()


def test_a_bench_measures_the_encoder_in_its_child(plugins, tmp_path):
    options = ["--models", "my-encoder", "--lengths", "16", "--min-repetitions", "1", "--min-seconds", "0.01"]
    done = harness("bench", *options, "--precision", "fp32", "--json", "--out", tmp_path, *plugins)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["status"] == "ok"
