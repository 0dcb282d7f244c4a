"""Sweeps whose cells take tenths of a second (see `quick_child.py`): what is run, what is kept, and what a kill leaves."""

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.cli import run_command
from harness.store import Store
from tests.processes import PATIENCE, wait_until

SWEEP = Path(__file__).with_name("quick_sweep.py")
CELL_SECONDS = 0.1


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """What planning looks at of a checkpoint."""
    folder = tmp_path_factory.mktemp("weights") / "quick-bert"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def grid(weights, data_dir):
    return [
        "sweep",
        "--models",
        "bert",
        "--tasks",
        "ner/cities",
        "--data-dir",
        str(data_dir),
        "--weights",
        str(weights),
        "--precision",
        "fp32",
    ]


@contextmanager
def started(*arguments, seconds=CELL_SECONDS, runs=None):
    environment = os.environ | {"QUICK_SECONDS": str(seconds), "OMP_NUM_THREADS": "1"}
    if runs is not None:
        runs.mkdir(exist_ok=True)
        environment["QUICK_RUNS"] = str(runs)
    sweep = subprocess.Popen(
        [sys.executable, SWEEP, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield sweep
    finally:
        sweep.kill()
        sweep.communicate()


def run(*arguments, **options):
    with started(*arguments, **options) as sweep:
        out, messages = sweep.communicate(timeout=PATIENCE)
        return sweep.returncode, out, messages


def content(folder):
    """All that a store holds of runs, but for timings."""
    store = Store(folder)
    problems = []
    runs = {
        record["key"]: (record | {"seconds": None}, store.predictions(record))
        for record in store.records(on_problem=problems.append)
    }
    assert problems == []
    return runs


def started_runs(folder):
    """How often each cell was begun."""
    keys = [path.name.partition("-")[0] for path in folder.iterdir()]
    return {key: keys.count(key) for key in keys}


@pytest.fixture(scope="module")
def undisturbed(weights, data_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    code, _, messages = run(*grid.__wrapped__(weights, data_dir), "--seeds", "0-5", "--out", out)
    assert code == 0, messages
    return content(out)


def test_every_fault_of_a_cell_is_recorded_and_the_others_are_run(grid, tmp_path):
    code, out, messages = run(*grid, "--seeds", "0,90-94,1", "--out", tmp_path / "out", runs=tmp_path / "runs")
    assert code == 1
    assert "2 of 7" in out
    assert "5 of 7 cells failed" in messages
    store = Store(tmp_path / "out")
    assert {record["seed"] for record in store.records()} == {0, 1}
    failures = {record["seed"]: record for record in store.records("failure")}
    assert {seed: failure["status"] for seed, failure in failures.items()} == {
        90: "failed",
        91: "failed",
        92: "diverged",
        93: "oom",
        94: "failed",
    }
    assert failures[90]["error"] == "TypeError: a bug of two lines"
    assert "SIGKILL" in failures[91]["error"]
    assert failures[94]["error"] == "the examples are malformed"
    assert "--seed 92" in failures[92]["command"]
    assert "Traceback" in (store.folder_of(failures[90]) / "error.log").read_text()
    assert [path.name for path in store.folder.iterdir() if path.name.startswith(".")] == []
    assert "[7/7]" in messages

    again = run(*grid, "--seeds", "0,90-94,1", "--out", tmp_path / "out", runs=tmp_path / "runs")
    assert again[0] == 1
    assert set(started_runs(tmp_path / "runs").values()) == {1}, "nothing that ended was to run again"
    retried = run(*grid, "--seeds", "0,90,1", "--retry-failed", "--out", tmp_path / "out", runs=tmp_path / "runs")
    assert retried[0] == 1
    times = started_runs(tmp_path / "runs")
    assert {key for key, count in times.items() if count == 2} == {failures[90]["key"]}


def test_a_cell_killed_after_its_result_was_stored_is_done(grid, tmp_path):
    code, _, messages = run(*grid, "--seeds", "96", "--out", tmp_path)
    assert code == 0, messages
    assert "[1/1]" in messages
    assert "FAILED" not in messages
    assert [record["seed"] for record in Store(tmp_path).records()] == [96]


def test_the_number_of_workers_changes_nothing(grid, undisturbed, tmp_path):
    code, _, messages = run(*grid, "--seeds", "0-5", "--workers", "3", "--out", tmp_path)
    assert code == 0, messages
    assert content(tmp_path) == undisturbed


def test_the_rate_is_chosen_on_dev_and_progress_shows_no_test_score(grid, tmp_path):
    code, out, messages = run(*grid, "--lrs", "1e-4,2e-4,3e-4", "--out", tmp_path, "--json")
    assert code == 0, messages
    (entry,) = json.loads(out)["entries"]
    dev = {record["recipe"]["learning_rate"]: record["scores"]["dev"] for record in Store(tmp_path).records()}
    best = max(dev, key=lambda rate: dev[rate]["entity_f1_strict"])
    assert entry["learning_rate"] == best
    for record in Store(tmp_path).records():
        assert f"{record['scores']['test']['entity_f1_strict']:.4f}" not in messages
        assert f"{record['scores']['dev']['entity_f1_strict']:.4f}" in messages


def test_two_sweeps_at_once_run_every_cell_once(grid, undisturbed, tmp_path):
    arguments = [*grid, "--seeds", "0-5", "--out", tmp_path / "out"]
    with started(*arguments, seconds=0.4, runs=tmp_path / "runs") as first:
        time.sleep(random.Random(0).random())
        second = run(*arguments, seconds=0.4, runs=tmp_path / "runs")
        first.communicate(timeout=PATIENCE)
        assert (first.returncode, second[0]) == (0, 0), second[2]
    assert set(started_runs(tmp_path / "runs").values()) == {1}
    assert content(tmp_path / "out") == undisturbed


def test_a_killed_sweep_goes_on_where_it_was_and_ends_with_the_same_results(grid, undisturbed, tmp_path):
    """`benchmarks/kill_a_sweep.py` does this thirty times with real training."""
    arguments = [*grid, "--seeds", "0-5", "--workers", "2", "--retry-failed", "--out", tmp_path]
    moments = random.Random(3)
    for victim in ("parent", "child", "parent", "parent", "child"):
        with started(*arguments) as sweep:
            time.sleep(moments.uniform(0.3, 1.8))
            process = psutil.Process(sweep.pid)
            children = process.children() if process.is_running() else []
            for one in [process] if victim == "parent" else children[:1]:
                one.kill()
            if victim == "child":
                sweep.communicate(timeout=PATIENCE)
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        assert alive == [], "children outlived their sweep"
        found = content(tmp_path)
        assert found == {key: undisturbed[key] for key in found}, "something half-written was read as whole"
    code, _, messages = run(*arguments)
    assert code == 0, messages
    assert content(tmp_path) == undisturbed
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_ctrl_c_ends_the_children_and_says_what_is_saved(grid, tmp_path):
    arguments = [*grid, "--seeds", "0,1,95", "--out", tmp_path / "out"]
    with started(*arguments, runs=tmp_path / "runs") as sweep:
        wait_until(lambda: len(list((tmp_path / "runs").iterdir())) == 3)
        children = psutil.Process(sweep.pid).children()
        sweep.send_signal(signal.SIGINT)
        _, messages = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 130
    assert messages.splitlines()[-1] == "Stopped. 2 of 3 cells are saved; run the same command to continue."
    assert "Traceback" not in messages
    assert children
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
    assert len(content(tmp_path / "out")) == len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("checkpoint", "sentence"),
    [
        (False, "Stopped. Nothing of this run is saved yet; run the same command to start again."),
        (True, "Stopped. The last checkpoint is saved; run the same command to continue from it."),
    ],
)
def test_ctrl_c_of_a_run_says_whether_it_continues(grid, tmp_path, checkpoint, sentence):
    command = ["run", "--model", "bert", "--task", "ner/cities", *grid[5:], "--seed", "95", "--out", tmp_path / "out"]
    (tmp_path / "runs").mkdir()
    run = subprocess.Popen(
        [sys.executable, SWEEP.with_name("quick_child.py"), *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=SWEEP.parents[3],
        env=os.environ | {"QUICK_RUNS": str(tmp_path / "runs"), "PYTHONPATH": str(SWEEP.parents[3])},
    )
    wait_until(lambda: list((tmp_path / "runs").iterdir()))
    if checkpoint:
        (lock,) = (tmp_path / "out").glob(".lock-*")
        lock.with_name(lock.name.replace(".lock-", ".training-")).mkdir()
    run.send_signal(signal.SIGINT)
    _, messages = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert messages.splitlines()[-1] == sentence


def on_a_terminal(command, environment):
    """What a command prints on a terminal of 70 columns."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    printed = b""
    with contextlib.suppress(OSError):  # Linux: the other end was closed
        while piece := os.read(reader, 65536):
            printed += piece
    os.close(reader)
    assert process.wait(timeout=PATIENCE) == 0, printed.decode()
    return printed.decode()


def test_the_bar_knows_the_total_at_once_and_names_the_running_cells(grid, tmp_path):
    command = [sys.executable, SWEEP, *grid, "--seeds", "0-4", "--workers", "2", "--out", tmp_path]
    environment = os.environ | {"QUICK_SECONDS": "1", "OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "70"}
    printed = on_a_terminal(list(map(str, command)), environment)
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed).replace("\r", "\n").splitlines()
    bars = [line for line in frames if line.startswith("cells ")]
    assert "0/5" in bars[0]
    assert not any("/?" in line or "-:--:--" in line for line in bars)
    assert any("0/5" not in line and re.search(r"about \d+ .* left", line) for line in bars)
    running = {line.strip() for line in frames if line.strip().startswith("running: ")}
    assert {f"running: bert on ner/cities, lr 0.0001, seed {seed}" for seed in range(5)} == running, running


def test_a_damaged_record_is_run_again_and_a_dry_run_writes_nothing(grid, undisturbed, tmp_path):
    arguments = [*grid, "--seeds", "0-5", "--out", tmp_path]
    assert run(*arguments)[0] == 0
    cut, flipped, *_ = sorted(tmp_path.glob("*/run.json"))
    cut.write_bytes(cut.read_bytes()[:-40])
    flipped.write_bytes(
        flipped.read_bytes().replace(b'"test": {\n   "entity_f1_strict": 0', b'"test": {\n   "entity_f1_strict": 1')
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, messages = run(*arguments, "--dry-run")
    assert code == 0
    assert "4 done, 2 to do" in messages
    assert (out.count("│ done"), out.count("│ to do")) == (4, 2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert run(*arguments)[0] == 0
    assert content(tmp_path) == undisturbed


def test_a_dry_run_says_how_long_or_that_nothing_is_known(grid, tmp_path):
    arguments = [*grid, "--out", tmp_path]
    _, out, messages = run(*arguments, "--seeds", "0-3", "--dry-run")
    assert messages.splitlines()[-1].endswith(", no estimate before the first of these has ended")
    assert (out.count("unknown"), out.count("?")) == (4, 0)
    assert run(*arguments, "--seeds", "0")[0] == 0
    _, out, messages = run(*arguments, "--seeds", "0-3", "--dry-run")
    assert re.search(r"1 done, 3 to do; 3 to run, .*, about [\d.]+ (s|min|h) left$", messages.splitlines()[-1])
    assert "unknown" not in out
    _, _, messages = run(*arguments, "--seeds", "0", "--dry-run")
    assert re.search(r"0 to run, 1 worker with \d+ threads? each$", messages.splitlines()[-1])


def test_a_dry_run_says_which_cells_its_estimate_does_not_know_and_heads_narrow_rows_by_the_model(
    grid, tmp_path, monkeypatch
):
    file, store = tmp_path / "grids.toml", tmp_path / "store"
    arguments = ["sweep", file, *grid[1:], "--out", store, "--dry-run"]
    assert run(*grid, "--epochs", "7", "--out", store)[0] == 0

    file.write_text("[[grid]]\nrecipe = { epochs = 7 }\n[[grid]]\nrecipe = { epochs = 9 }\nseeds = [1, 2]")
    _, _, messages = run(*arguments)
    assert "1 done, 2 to do; 2 to run" in messages
    assert messages.splitlines()[-1].endswith(", no estimate before the first of these has ended")

    file.write_text(
        '[[grid]]\nrecipe = { epochs = 7 }\nseeds = "0-3"\n[[grid]]\nrecipe = { epochs = 9 }\nseeds = [1, 2]'
    )
    monkeypatch.setenv("COLUMNS", "30")
    _, out, messages = run(*arguments)
    assert messages.splitlines()[-1].endswith(" left (2 without an estimate, counted as the mean of the others)")
    heads = [line for line in out.splitlines() if not line.startswith(" ")]
    assert heads == ["bert"] * 6
    assert out.count("status to do") == 5


def test_a_failure_says_nothing_about_the_time_that_is_left(grid, tmp_path):
    _, _, messages = run(*grid, "--seeds", "90,0,1", "--out", tmp_path)
    told = dict(re.findall(r"^\[(\d)/3\] (.*)$", messages, re.MULTILINE))
    assert "FAILED" in told["1"]
    assert " left" not in told["1"]
    assert re.search(r"about .* left$", told["2"])


def test_weights_with_fewer_seeds_than_others_lack_none(grid, weights, tmp_path):
    other = tmp_path / "other-bert"
    shutil.copytree(weights, other)
    (other / "model.safetensors").write_bytes(b"other weights")
    file = tmp_path / "grids.toml"
    file.write_text(f'[[grid]]\nweights = "{weights}"\nseeds = "0-2"\n[[grid]]\nweights = "{other}"\nseeds = [0, 1]')
    place = grid.index("--weights")
    options = [*grid[1:place], *grid[place + 2 :]]
    code, out, messages = run("sweep", file, *options, "--out", tmp_path / "store")
    assert code == 0, messages
    assert " of " not in out


def test_a_disk_that_fills_ends_the_sweep_with_a_sentence(grid, small_disk):
    (small_disk / "ballast").write_bytes(bytes(2**20))
    code, _, messages = run(*grid, "--seeds", "0-200", "--out", small_disk / "out")
    assert code == 2
    assert "MiB left; free some" in messages
    assert "Traceback" not in messages
    assert len(content(small_disk / "out")) < 200


def test_a_read_only_store_is_refused_before_anything_runs(grid, read_only_disk, tmp_path):
    code, _, messages = run(*grid, "--out", read_only_disk / "out", runs=tmp_path / "runs")
    assert code == 2
    assert "cannot be written" in messages
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--workers", "0"], "--workers must be at least 1, not 0"),
        (["--threads", "0"], "--threads must be at least 1, not 0"),
        (["--seeds", "1,1"], "1 is twice in seeds"),
        (["--seeds", ""], "seeds are numbers"),
        (["--seeds", "4294967296"], "a seed is a whole number from 0 to 4294967295, not 4294967296"),
        (["--lrs", "fast"], "--lrs takes numbers with commas"),
        (["--lrs", "0"], "must be greater than 0"),
        (["--models", ""], "one of the models has no name"),
        (["--models", "bert,"], "one of the models has no name"),
        (["--models", "brt"], "there is no model called 'brt'; did you mean 'bert'"),
        (["--models", "bm25"], "bm25 ranks documents"),
        (["--tasks", "ner/towns"], "there is no folder"),
        (["--lr", "1e-4"], "there is no option --lr; did you mean"),
        (["none.toml"], "there is no file none.toml"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(grid, changes, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command([*grid, *changes, "--out", "out"]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_go_together_is_left_out_with_a_note(grid, capsys, tmp_path):
    assert run_command([*grid, "--models", "bert,bm25", "--dry-run", "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert "bm25 on ner/cities is left out: bm25 ranks documents" in captured.err
    assert "1 cell in" in captured.err
