"""The Python door: what the commands do, as functions."""

import inspect
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import harness
from harness.cli import run_command

ROOT = Path(__file__).parents[2]
FUNCTIONS = {"bench", "check", "compare", "load_predictions", "load_results", "run", "score", "sweep"}
RECIPE = {"max_steps": 2, "batch_size": 4, "max_length": 32, "learning_rate": 1e-3, "precision": "fp32"}


def python(code, **environment):
    """Run code in a process of its own; gives what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_imports_nothing_heavy():
    assert python("import harness, sys; print({'torch', 'pandas', 'numpy', 'rich'} & {*sys.modules})") == "set()\n"


def test_reading_results_does_not_import_torch(tmp_path):
    assert (
        python(f"import harness, sys; harness.load_results({str(tmp_path)!r}); print('torch' in sys.modules)")
        == "False\n"
    )


def test_names_stay_functions_when_every_module_of_the_package_is_imported():
    code = """
import contextlib, importlib, inspect, pkgutil, harness
for module in pkgutil.walk_packages(harness.__path__, "harness."):
    with contextlib.suppress(ModuleNotFoundError):  # Ray, where it is not installed
        module.name.endswith("__main__") or importlib.import_module(module.name)
print(sorted(name for name in harness.__all__ if inspect.isfunction(getattr(harness, name))))
"""
    assert python(code) == f"{sorted(FUNCTIONS)}\n"


def test_every_public_name_is_there_and_has_a_docstring():
    assert set(harness.__all__) > FUNCTIONS
    assert set(harness.__all__) <= set(dir(harness))
    assert all(inspect.getdoc(getattr(harness, name)) for name in harness.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        harness.nothing  # noqa: B018


@pytest.fixture(scope="module")
def how(small_bert, data_dir):
    """How every run of this file is asked for."""
    return {"weights": small_bert, "data_dir": data_dir, **RECIPE}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("door") / "runs"


@pytest.fixture(scope="module")
def record(how, out):
    return harness.run("bert", "ner/cities", seed=np.int64(3), out=out, **how)


@pytest.fixture(scope="module")
def table(record, how, out):
    """What a sweep gives over the run that is there and one more, in a child process."""
    grid = {
        "models": ("bert",),
        "tasks": ["ner/cities"],
        "seeds": range(3, 5),
        "weights": how["weights"],
        "learning_rates": np.array([RECIPE["learning_rate"]]),
        "data_dir": how["data_dir"],
        "recipe": {name: value for name, value in RECIPE.items() if name != "learning_rate"},
    }
    return harness.sweep(grid, out=out, threads=1)


def as_json(value):
    return json.loads(json.dumps(value))


def test_a_run_is_kept_and_found_again(record, how, out, capsys):
    assert record["status"] == "ok"
    assert record["seed"] == 3
    assert "entity_f1_strict" in record["scores"]["test"]
    again = harness.run("bert", "ner/cities", seed=3, out=str(out), **how)
    assert as_json(again) == as_json(record)
    told = capsys.readouterr()
    assert told.out == ""
    assert "the store already has this run" in told.err


def test_the_command_line_finds_the_run(record, how, out, capsys):
    options = ["--weights", how["weights"], "--data-dir", how["data_dir"], "--seed", "3", "--lr", "1e-3", "--out", out]
    more = ["--max-steps", "2", "--batch-size", "4", "--max-length", "32", "--precision", "fp32", "--json"]
    assert run_command(["run", "--model", "bert", "--task", "ner/cities", *map(str, options), *more]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == record["key"]


def test_a_run_leaves_the_callers_random_states_and_settings(how, tmp_path):
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    drawn = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    deterministic = torch.are_deterministic_algorithms_enabled()
    harness.run("bert", "ner/cities", out=tmp_path, **how)
    assert (random.random(), np.random.random(), torch.rand(1).item()) == drawn
    assert torch.are_deterministic_algorithms_enabled() == deterministic


def test_a_run_that_fails_raises_and_keeps_a_record(how, tmp_path):
    with pytest.raises(harness.RunFailedError, match=r"the run failed: .*error\.log") as raised:
        harness.run("bert", "ner/cities", out=tmp_path, **how | {"learning_rate": 1e30, "max_steps": 20})
    assert raised.value.record["status"] == "diverged"
    assert raised.value.log.is_file()
    assert len(harness.load_results(tmp_path)) == 0
    (failed,) = harness.load_results(tmp_path, kind="failure").to_dict("records")
    assert failed["status"] == "diverged"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "brt"}, "did you mean 'bert'"),
        ({"model": 5}, "model is a text"),
        ({"task": "nre/cities"}, "did you mean 'ner'"),
        ({"lr": 1e-3}, "a recipe has no 'lr'"),
        ({"learning_rate": "fast"}, "learning_rates is a list of numbers"),
        ({"epochs": 1}, "epochs and max_steps"),
        ({"seed": -1}, "a seed is a whole number"),
        ({"out": ""}, "out: an empty text is not a path"),
        ({"out": 5}, "out takes a text, not 5"),
        ({"task_options": ["a"]}, "task_options is a table"),
        ({"plugins": ["missing.py"]}, "the plug-in missing.py does not exist"),
        ({"skip_bad": "yes"}, "skip_bad is true or false"),
        ({"test": "ner/town"}, "ner/town|no dataset called 'town'"),
        ({"test": [5]}, "test takes a text, not 5"),
    ],
)
def test_bad_input_is_one_sentence(changes, message, how, tmp_path):
    given = {"model": "bert", "task": "ner/cities", "out": tmp_path / "runs", **how, **changes}
    with pytest.raises(harness.InputError, match=message):
        harness.run(**given)
    assert not (tmp_path / "runs").exists()


def test_a_plugin_that_exits_is_an_error_of_input(how, tmp_path):
    plugin = tmp_path / "leaves.py"
    plugin.write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(harness.InputError, match=r"sys\.exit\(0\)"):
        harness.run("bert", "ner/cities", out=tmp_path, plugins=plugin, **how)


def test_torchrun_is_sent_to_the_command_line(how, tmp_path, monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(harness.InputError, match="python -m harness run"):
        harness.run("bert", "ner/cities", out=tmp_path, **how)


@pytest.mark.parametrize(("file", "ours"), [("README", True), ("__init__.py", False)])
def test_a_project_with_a_folder_tasks_uses_it_or_is_told(file, ours, tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / file).write_text("")
    code = f"""
import os, sys
os.chdir({str(tmp_path)!r})
sys.path.insert(0, "")
import harness
try:
    harness.run("nothing", "ner")
except harness.InputError as error:
    print(error)
"""
    told = python(code)
    assert ("no model called 'nothing'" in told) is ours
    assert (f"the package 'tasks' of {tmp_path} hides" in told) is not ours


def test_a_sweep_runs_what_is_missing_and_gives_the_rows_of_its_cells(table, record, out):
    assert list(table["seed"]) == [3, 3, 4, 4]
    assert list(table["split"]) == ["dev", "test"] * 2
    assert table["key"][0] == record["key"]
    pd.testing.assert_frame_equal(table, harness.load_results(out))


def test_a_cell_has_the_same_score_in_this_process_and_in_a_child(table, how, tmp_path):
    here = harness.run("bert", "ner/cities", seed=4, out=tmp_path, **how)
    there = table[table["key"] == here["key"]].set_index("split")
    assert there["score"]["test"] == here["scores"]["test"]["entity_f1_strict"]


def test_a_toml_file_names_the_same_cells(table, how, out, tmp_path):
    grid = tmp_path / "grid.toml"
    recipe = ", ".join(f"{name} = {json.dumps(value)}" for name, value in RECIPE.items() if name != "learning_rate")
    grid.write_text(
        f'models = ["bert"]\ntasks = ["ner/cities"]\nseeds = "3"\nlearning_rates = [1e-3]\nrecipe = {{ {recipe} }}\n'
        f"weights = {json.dumps(str(how['weights']))}\ndata_dir = {json.dumps(str(how['data_dir']))}\n"
    )
    found = harness.sweep(grid, out=out, workers=2)
    pd.testing.assert_frame_equal(found, table[table["seed"] == 3])


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ({"model": ["bert"], "tasks": ["ner"]}, {}, "there is no key 'model'; did you mean 'models'"),
        ({"models": ["bert"]}, {}, "the grid names no tasks"),
        ({"models": "bert", "tasks": ["ner"]}, {}, "models is a list of names"),
        ("missing.toml", {}, "there is no file missing.toml"),
        (["bert"], {}, "grid takes a text"),
        ({"models": ["bert"], "tasks": ["ner"]}, {"workers": 0}, "--workers must be at least 1"),
        ({"models": ["bert"], "tasks": ["ner"]}, {"threads": 1.5}, "threads takes a whole number"),
    ],
)
def test_a_wrong_grid_is_one_sentence(grid, options, message, tmp_path):
    with pytest.raises(harness.InputError, match=message):
        harness.sweep(grid, out=tmp_path, **options)


def test_results_of_a_store_that_is_missing_or_damaged(record, out, tmp_path, capsys):
    with pytest.raises(harness.InputError, match="there is no folder"):
        harness.load_results(tmp_path / "nothing")
    with pytest.raises(harness.InputError, match="kind is one of 'run', 'failure'"):
        harness.load_results(out, kind="runs")
    copied = shutil.copytree(harness.Store(out).folder_of(record), tmp_path / "store" / "a-tiny_b_c")
    (copied / "run.json").write_text("{")
    assert len(harness.load_results(tmp_path / "store")) == 0
    assert "is cut off or damaged" in capsys.readouterr().err


def test_predictions_are_found_by_record_row_key_and_folder(record, table, out):
    folder = harness.Store(out).folder_of(record)
    first = harness.load_predictions(record, out=out)
    assert set(first["split"]) == {"dev", "test"}
    test = first[first["split"] == "test"]
    assert len(test) == record["task"]["n_test"]
    numerator, denominator = (sum(column) for column in zip(*test["terms"], strict=True))
    assert numerator / max(denominator, 1) == pytest.approx(record["scores"]["test"]["entity_f1_strict"])
    for way in (table.iloc[0], record["key"], {"key": record["key"]}):
        pd.testing.assert_frame_equal(harness.load_predictions(way, out=out), first)
    pd.testing.assert_frame_equal(harness.load_predictions(folder), first)


@pytest.mark.parametrize("run", ["0123", "*", "", "../x", 5, {}, Path("nowhere")])
def test_predictions_of_no_run_are_one_sentence(run, record, out):
    with pytest.raises(harness.InputError, match="has no run"):
        harness.load_predictions(run, out=out)


def test_two_runs_are_compared(table, out):
    one, other = sorted(str(file.parent) for file in out.glob("*/run.json"))
    (row,) = harness.compare(one, other, out=out, resamples=200).to_dict("records")
    assert row["dataset"] == "ner/cities"
    assert row["difference"] == pytest.approx(row["a_score"] - row["b_score"])
    assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    assert 0 <= row["p"] <= row["p_holm"] <= 1
    assert row["minimum_detectable_difference"] >= 0


def test_what_cannot_be_compared_is_one_sentence(table, out):
    with pytest.raises(harness.InputError, match="has no finished run of 'roberta'"):
        harness.compare("bert", "roberta", out=out)
    with pytest.raises(harness.InputError, match="split is one of 'test', 'dev'"):
        harness.compare("bert", "bert", out=out, split="train")
    with pytest.raises(harness.InputError, match="--resamples must be between"):
        harness.compare("bert", "bert", out=out, resamples=1)


def test_an_encoder_is_checked(small_bert):
    table = harness.check("bert", weights=small_bert)
    assert list(table) == ["name", "passed", "measured", "limit", "detail"]
    assert table["passed"].all()
    assert (table["measured"] <= table["limit"]).all()
    with pytest.raises(harness.InputError, match="did you mean 'bert'"):
        harness.check("brt")


def test_a_bench_gives_a_row_per_point(tmp_path, capsys):
    how = {"precision": "fp32", "threads": 1, "min_repetitions": 1, "min_seconds": 0.01, "out": tmp_path}
    table = harness.bench("bert", lengths=[16, 1024], **how)
    assert list(table["length"]) == [16, 1024]
    assert list(table["status"]) == ["ok", "beyond_max_length"]
    assert table["tokens_per_s_median"][0] > 0
    pd.testing.assert_frame_equal(table, harness.load_results(tmp_path, kind="bench"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": "brt"}, "did you mean 'bert'"),
        ({"lengths": [16, 8]}, "lengths must increase"),
        ({"lengths": 16}, "lengths takes a list"),
        ({"mode": "sleeping"}, "mode is one of 'inference', 'training'"),
        ({"precision": "fp8"}, "precision is one of 'fp32', 'bf16'"),
        ({"size": "huge"}, "huge"),
        ({"size": None}, "size takes a text"),
        ({"batch_size": 2, "tokens_per_batch": 64}, "leave one out"),
        ({"min_repetitions": 0}, "--min-repetitions must be at least 1"),
        ({"point_timeout": "long"}, "point_timeout takes a number"),
        ({"names": "./a"}, "names: './a' is a path"),
    ],
)
def test_a_wrong_bench_is_one_sentence(changes, message, tmp_path):
    with pytest.raises(harness.InputError, match=message):
        harness.bench(**{"models": ["bert"], "lengths": [16], "out": tmp_path / "runs"} | changes)
    assert not (tmp_path / "runs").exists()
