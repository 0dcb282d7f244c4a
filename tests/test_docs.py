"""Docs that cannot go stale: commands parse, code runs, formats are read by their readers, links lead somewhere."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.cells import grids
from harness.cli import command_parser, run_command
from harness.gate.baseline import read_baseline
from tasks import TASKS
from tests.processes import harness

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted(page for page in DOCS.rglob("*.md")),
]


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    """The code blocks of a page in a language, as pairs of title and content."""
    found = re.findall(rf'^```{language}(?: title="([^"]*)")?\n(.*?)^```', text_of(page), re.DOTALL | re.MULTILINE)
    return [(title, content) for title, content in found]


def name_of(page):
    return str(page.relative_to(ROOT))


def shell_lines(module):
    """Every line of a shell block that calls a module, as words after it, without shell variables; with its page."""
    found = []
    for page in PAGES:
        for _, block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                if f"-m {module}" in line:
                    text = re.sub(r"\$\{?\w+\}?", "1", line.partition(f"-m {module}")[2])
                    words = shlex.split(text.partition(" && ")[0], comments=True)
                    found.append(pytest.param(words, id=f"{name_of(page)}: {text.strip()[:60]}"))
    return found


@pytest.mark.parametrize("words", shell_lines("harness "))
def test_every_command_is_one_that_the_harness_knows(words):
    options = command_parser().parse_args(words)
    assert options.command
    named = [value for name in ("task", "tasks") if (value := getattr(options, name, None))]
    tasks = [
        task for value in named for one in ([value] if isinstance(value, str) else value) for task in one.split(",")
    ]
    for task in tasks:
        family, _, dataset = task.partition("/")
        if family != "colours":  # the example of a plug-in
            assert family in TASKS.names()
            declared = dataset in ("", *TASKS[family].datasets) or dataset.startswith("hf:")
            assert declared or options.data_dir or family == "mteb", f"{task} needs --data-dir"


@pytest.mark.parametrize("words", shell_lines("benchmarks."))
def test_every_benchmark_is_there_and_has_the_options_it_is_given(words):
    file = ROOT / "benchmarks" / f"{words[0]}.py"
    source = file.read_text(encoding="utf-8") + (ROOT / "benchmarks" / "minilm.py").read_text(encoding="utf-8")
    assert [word for word in words if word.startswith("--") and f'"{word}"' not in source] == []


def grid_blocks():
    found = [(page, block) for page in PAGES for _, block in blocks(page, "toml") if "[project" not in block]
    return [pytest.param(block, id=name_of(page)) for page, block in found]


@pytest.mark.parametrize("block", grid_blocks())
def test_every_grid_is_read_by_sweep(block, tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(block, encoding="utf-8")
    assert all(grid.requests() for grid in grids.read(file, {}))


def test_toml_of_other_kinds_is_toml():
    for page in PAGES:
        for _, block in blocks(page, "toml"):
            tomllib.loads(block)


def data_blocks():
    """What each page of a task shows of a dataset: family, name, and content by file."""
    found = {}
    for page in sorted((DOCS / "tasks").glob("*.md")):
        for title, block in blocks(page, r"(?:text|json)"):
            if title.startswith("DIR/"):
                _, family, name, file = title.split("/", 3)
                found.setdefault((family, name), {})[file] = block
    return found


def test_a_dataset_of_every_family_is_shown():
    assert {family for family, _ in data_blocks()} == {
        "ner",
        "span",
        "nli",
        "classification",
        "retrieval",
        "lm",
        "sts",
        "multilabel",
    }


@pytest.mark.parametrize(("family", "name"), data_blocks())
def test_the_datasets_that_are_shown_are_read(family, name, tmp_path):
    folder = tmp_path / family / name
    for file, content in data_blocks()[family, name].items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content, encoding="utf-8")
        if file.startswith("train."):  # the other two files look the same
            for split in ("dev", "test"):
                shutil.copy(folder / file, folder / file.replace("train", split))
    data = TASKS[family].load(name, str(tmp_path))
    assert len(data.splits["test"]) == 2
    assert data.n_skipped == 0


def test_the_baseline_that_is_shown_is_read(tmp_path):
    ((_, block),) = blocks(DOCS / "gate.md", "json")
    (tmp_path / "mine.json").write_text(block, encoding="utf-8")
    baseline = read_baseline(tmp_path / "mine.json")
    assert baseline.rerun_seeds == (0, 1, 2)
    assert baseline.cells[0].request.recipe["max_steps"] == 16


@pytest.mark.parametrize("page", [DOCS / "results.md", DOCS / "reference" / "python.md"], ids=name_of)
def test_python_that_is_shown_runs(page, swept, tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "runs").symlink_to(swept)
    monkeypatch.chdir(tmp_path)
    names = {}
    for _, block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


def test_no_python_is_left_unrun():
    run = {"docs/plugins.md", "docs/results.md", "docs/reference/python.md", "CONTRIBUTING.md"}
    assert {name_of(page) for page in PAGES if blocks(page, "python")} <= run


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_are_there(page):
    named = re.findall(r"`((?:harness|models|tasks|sweeps|tests|benchmarks|docs)/[\w./*-]+)`", text_of(page))
    assert [path for path in named if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_page_is_in_the_menu():
    menu = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(menu) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_reference_has_every_command_and_option():
    spec = importlib.util.spec_from_file_location("docs_hook_cli", DOCS / "hooks" / "cli.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    parser = command_parser()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", hook.reference(parser), re.DOTALL | re.MULTILINE))
    commands = next(action.choices for action in parser._actions if action.choices)
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        for action in command._actions:
            for option in {*action.option_strings} - {"-h", "--help"}:
                assert re.search(rf"^\| `.*{option}\b", sections[name], re.MULTILINE), f"{name} {option}"


@pytest.mark.parametrize(
    "script", [block for _, block in blocks(DOCS / "cluster.md", "sh") if block.startswith("#!/bin/bash")]
)
def test_the_batch_scripts_are_sound_bash(script):
    assert "#SBATCH" in script
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The two examples, written out."""
    folder = tmp_path_factory.mktemp("plugins")
    files = []
    for _, source in blocks(DOCS / "plugins.md", "python"):
        name = re.match(r"# (\w+\.py)\n", source).group(1)
        assert len(source.splitlines()) <= 40
        (folder / name).write_text(source, encoding="utf-8")
        files.append(folder / name)
    assert [file.name for file in files] == ["my_encoder.py", "my_task.py"]
    return [word for file in files for word in ("--plugin", str(file))]


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
    assert "the store already has this run" in done.stderr, done.stderr


def test_a_dry_run_and_a_report_know_them_without_being_told_apart(swept, plugins, capsys, tmp_path):
    grid = ["--models", "my-encoder", "--tasks", "colours", "--seeds", "0-2", "--lrs", "3e-3", "--epochs", "2"]
    done = harness("sweep", *grid, "--dry-run", "--out", swept, *plugins)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("my-encoder") == 3
    assert done.stdout.count("done") == 2
    # A report reads records only, so that it needs no plug-in.
    assert run_command(["report", "--out", str(swept), "--report", str(tmp_path)]) == 0
    assert "my-encoder" in (tmp_path / "tables" / "leaderboard.csv").read_text()


@pytest.mark.slow
def test_a_bench_measures_the_encoder_in_its_child(plugins, tmp_path):
    options = ["--models", "my-encoder", "--lengths", "16", "--min-repetitions", "1", "--min-seconds", "0.01"]
    done = harness("bench", *options, "--precision", "fp32", "--json", "--out", tmp_path, *plugins)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["status"] == "ok"
