"""The gate as a user meets it: exit codes, sentences, a new baseline, a fault that a plug-in plants in the children."""

import json
from pathlib import Path

import pytest
from torch import nn

from harness.cli import run_command
from harness.errors import InputError
from harness.gate import judge as gate
from harness.gate.baseline import NEW, read_baseline
from harness.gate.gated_run import gated_recipe
from harness.scheduling.executor import Failure, Finished
from tests.records import run_record

FINGERPRINT = "f" * 64
RECIPE = gated_recipe(run_record(recipe={"max_steps": 10, "effective_batch_size": 8, "precision": "fp32"}))


def content(**changes):
    cell = {
        "request": {"model": "bert", "task": "ner/x", "data_dir": "data", "recipe": {"precision": "fp32"}},
        "seeds": [0, 1, 2],
        "fingerprint": FINGERPRINT,
        "recipe": RECIPE,
        "metric": "m",
        "scores": [0.80, 0.82, 0.84],
        "losses": [0.5, 0.5, 0.5],
        "examples_per_gflop": [1.0, 2.0, 1.5],
    }
    return {"schema_version": 1, "rerun_seeds": [0, 1], "cells": [cell | changes]}


def baseline(folder, **changes):
    file = folder / "baseline.json"
    file.write_text(json.dumps(content(**changes)))
    return read_baseline(file)


def record(score, loss=0.5, seconds=10.0, recipe=RECIPE, fingerprint=FINGERPRINT, **task):
    """A run of the baseline's cell."""
    return run_record(
        dataset="ner/x",
        task={"fingerprint": fingerprint, "metric": "m", "n_dev": 20} | task,
        recipe=recipe | {"steps": 10},
        scores={"test": {"m": score}},
        losses=[(5, loss), (10, loss)],
        seconds={"fit": seconds, "predict": 0.0},
    )


def judged(folder, runs, gflops=None, **changes):
    return gate.judge(baseline(folder, **changes).cells[0], runs, gflops)


def test_the_tolerance_is_the_prediction_interval_of_the_mean_of_new_runs():
    # t(0.99, 2) = 6.9646; s = 0.02; sqrt(1/3 + 1/2) = 0.91287
    assert gate.tolerance([0.80, 0.82, 0.84], 2) == pytest.approx(6.9646 * 0.02 * 0.91287, rel=1e-4)


def test_below_the_tolerance_is_a_drop_and_above_it_better(tmp_path):
    outcomes = [judged(tmp_path, [record(score), record(score)]).outcome for score in (0.68, 0.70, 0.82, 0.94, 0.96)]
    assert outcomes == ["drop", "ok", "ok", "ok", "better"]


def test_equal_scores_still_have_a_floor(tmp_path):
    outcomes = [judged(tmp_path, [record(score)], scores=[0.9, 0.9, 0.9]).outcome for score in (0.885, 0.875)]
    assert outcomes == ["ok", "drop"]


def test_a_higher_training_loss_and_nan_are_drops(tmp_path):
    assert judged(tmp_path, [record(0.82, loss=0.52)]).outcome == "ok"
    assert judged(tmp_path, [record(0.82, loss=0.54)]).outcome == "drop"
    assert judged(tmp_path, [record(float("nan"))]).outcome == "drop"
    assert judged(tmp_path, [record(0.82, loss=float("nan"))]).outcome == "drop"


def test_throughput_counts_over_the_machine_s_own_rate_by_the_best_seed(tmp_path):
    # 10 steps of 8 and 120 predicted are 200 examples; the baseline's best is 2 examples a GFLOP.
    slow, fast = record(0.82, seconds=200 / 100), record(0.82, seconds=200 / 500)
    assert judged(tmp_path, [slow, slow], gflops=100).speed == pytest.approx(0.5)
    assert judged(tmp_path, [slow, fast], gflops=100).speed == pytest.approx(2.5)
    assert judged(tmp_path, [slow, slow], gflops=100).outcome == "ok"
    assert judged(tmp_path, [slow, slow], gflops=150).outcome == "slow"


def test_a_run_that_failed_fails_its_cell_with_the_reason(tmp_path):
    found = judged(tmp_path, [record(0.82), "the loss is nan"])
    assert (found.outcome, found.reason, found.passed) == ("failed", "the loss is nan", False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fingerprint": "0" * 64}, "the examples differ from the baseline's"),
        ({"recipe": RECIPE | {"max_steps": 20}}, "max_steps 20 and 10"),
    ],
)
def test_other_examples_or_another_recipe_are_refused(tmp_path, changes, sentence):
    with pytest.raises(gate.InputError, match=sentence):
        judged(tmp_path, [record(0.82, **changes)])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "there is no baseline"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nests brackets more than 100 deep"),
        ("[]", "is not a JSON object"),
        ('{"schema_version": 7}', "has schema version 7, not 1"),
        ('{"schema_version": 1, "cells": []}', "names no cells"),
        ('{"schema_version": 1, "cells": [3]}', "names no cells"),
        ('{"schema_version": 1, "cells": [{"request": 3}]}', "has no request"),
        (json.dumps(content() | {"rerun_seeds": [0, 0]}), "rerun_seeds is a list of different whole numbers"),
        (json.dumps(content(seeds=[0], scores=[0.1])), "needs two or more different seeds"),
        (json.dumps(content(seeds=["0", "1"])), "seeds is a list of different whole numbers"),
        (json.dumps(content(request={"model": 5, "task": "ner"})), "model is a text in quotes, not 5"),
        (json.dumps(content(request={"model": "bert"})), "task is a text in quotes, not None"),
        (json.dumps(content(request={"model": "bert", "task": "ner", "recipe": [1]})), "recipe is a table"),
        (json.dumps(content(request={"model": "bert", "task": "ner", "plugins": "x.py"})), "plugins is a list"),
        (json.dumps(content(scores=[0.8, 0.8, float("nan")])), "scores of bert on ner/x is a list of numbers"),
        (json.dumps(content(losses="low")), "losses of bert on ner/x is a list of numbers"),
        (json.dumps(content(recipe=[])), "is damaged"),
        (json.dumps(content(constant_guess=float("inf"))), "is damaged"),
        (json.dumps(content(scores=[0.3, 0.5, 0.7])), "this gate cannot fail"),
        (json.dumps(content(constant_guess=0.7)), "giving every example the same answer scores 0.7000"),
        (json.dumps(content(scores=[0.1])), "is damaged"),
        (json.dumps(content(request={"modle": "bert", "task": "ner"})), "'modle'; did you mean 'model'"),
        (json.dumps(content(scores=[])), "has no scores of bert on ner/x"),
    ],
)
def test_a_bad_baseline_is_one_sentence_and_exit_code_2(tmp_path, text, sentence, capsys):
    file = tmp_path / "baseline.json"
    if text is not None:
        file.write_text(text)
    assert run_command(["regress", "--baseline", str(file)]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("options", [["--update"], ["--update", "--why", " "], ["--why", "because"]])
def test_an_update_needs_its_reason(tmp_path, options, capsys):
    file = baseline(tmp_path).file
    before = file.read_text()
    assert run_command(["regress", "--baseline", str(file), *options]) == 2
    assert "--update" in capsys.readouterr().err
    assert file.read_text() == before


class Reversed:
    """An executor whose jobs all fail, the last one first."""

    def run(self, jobs):
        for job in reversed(list(jobs)):
            yield Finished(job.key, Failure("failed", f"seed {job.request.seed}"), 1.0)


def test_runs_are_in_the_order_of_seeds_whatever_ends_first(tmp_path):
    assert gate.run_again(baseline(tmp_path), Reversed()) == [["seed 0", "seed 1"]]


class Scoring:
    """An executor whose runs have the given scores."""

    def __init__(self, scores, guess):
        self.scores, self.guess = scores, guess

    def run(self, jobs):
        for job in jobs:
            one = record(self.scores[job.request.seed], constant_guess=self.guess)
            yield Finished(job.key, one, 1.0)


def gated(monkeypatch, tmp_path, scores, guess, *more):
    monkeypatch.setattr("harness.scheduling.local.ChildProcesses", lambda **options: Scoring(scores, guess))
    for dataset in ("x", "y"):
        (tmp_path / "data" / "ner" / dataset).mkdir(parents=True, exist_ok=True)
        for split in ("train", "dev", "test"):
            (tmp_path / "data" / "ner" / dataset / f"{split}.conll").write_text("Rome\tB-LOC\n")
    return run_command(["regress", "--baseline", str(tmp_path / "baseline.json"), "--scores-only", *more])


class Scarce(Scoring):
    """An executor on a machine without room for another file."""

    def run(self, jobs):
        raise OSError(24, "Too many open files")


def test_a_fault_of_the_runs_is_not_taken_for_one_of_their_folder(tmp_path, monkeypatch):
    (tmp_path / "baseline.json").write_text(json.dumps(content()))
    monkeypatch.setattr(f"{__name__}.Scoring", Scarce)
    with pytest.raises(OSError, match="Too many open files"):
        gated(monkeypatch, tmp_path, [], 0.4, "--out", str(tmp_path / "kept"))


def test_a_folder_that_cannot_hold_the_runs_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "baseline.json").write_text(json.dumps(content()))
    assert gated(monkeypatch, tmp_path, [0.8] * 3, 0.4, "--out", str(tmp_path / "baseline.json")) == 2
    assert "runs cannot be kept in" in capsys.readouterr().err


UPDATE = ("--update", "--why", "because")


@pytest.mark.parametrize(
    "text", [NEW, json.dumps(content() | {"schema_version": 7}), json.dumps(content(seeds=[0, 1, 2, 3], losses=None))]
)
def test_an_update_needs_no_more_of_a_file_than_its_cells(tmp_path, monkeypatch, text):
    (tmp_path / "baseline.json").write_text(text)
    assert gated(monkeypatch, tmp_path, [0.80, 0.82, 0.84, 0.82, 0.81], 0.4, *UPDATE) == 0
    (cell,) = json.loads((tmp_path / "baseline.json").read_text())["cells"]
    assert cell["constant_guess"] == 0.4
    assert len(cell["scores"]) == len(cell["seeds"])
    assert gated(monkeypatch, tmp_path, [0.80, 0.82, 0.84], 0.4) == 0
    assert gated(monkeypatch, tmp_path, [0.60, 0.62, 0.64], 0.4) == 1


class Transferring(Scoring):
    """The same, and the run's test set scores half of it."""

    def run(self, jobs):
        for finished in super().run(jobs):
            here = finished.outcome
            task = here["task"] | {"dataset": "ner/y", "fingerprint": "e" * 64, "constant_guess": 0.1}
            tests = [{"task": task, "scores": {"m": here["scores"]["test"]["m"] / 2}}]
            yield Finished(finished.key, {**here, "tests": tests}, 1.0)


def test_a_cell_may_gate_the_score_on_a_test_set(tmp_path, monkeypatch, capsys):
    request = {"model": "bert", "task": "ner/x", "test": ["ner/y"], "data_dir": "data"}
    cells = [{"request": request}, {"request": request, "test": "ner/y"}]
    (tmp_path / "baseline.json").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(f"{__name__}.Scoring", Transferring)
    scores = [0.80, 0.82, 0.84, 0.82, 0.81]
    assert gated(monkeypatch, tmp_path, scores, 0.4, *UPDATE) == 0
    own, elsewhere = json.loads((tmp_path / "baseline.json").read_text())["cells"]
    assert elsewhere["scores"] == [score / 2 for score in own["scores"]]
    assert (own["fingerprint"][0], elsewhere["fingerprint"][0]) == ("f", "e")
    assert gated(monkeypatch, tmp_path, scores, 0.4) == 0
    assert "ner/y (trained on ner/x)" in " ".join(capsys.readouterr().out.split())
    cells[1]["test"] = "ner/z"
    (tmp_path / "baseline.json").write_text(json.dumps({"cells": cells}))
    assert gated(monkeypatch, tmp_path, scores, 0.4, *UPDATE) == 2
    assert "gates the test set 'ner/z', which its request does not name in test" in capsys.readouterr().err


def test_a_tolerance_that_a_constant_answer_passes_is_refused_before_it_is_written(tmp_path, monkeypatch, capsys):
    file = tmp_path / "baseline.json"
    file.write_text(NEW)
    assert gated(monkeypatch, tmp_path, [0.3, 0.7, 0.5, 0.3, 0.7], 0.1, *UPDATE) == 2
    assert "this gate cannot fail" in capsys.readouterr().err
    assert file.read_text() == NEW
    # The same spread is fine where scores are far above what a constant answer gets.
    assert gated(monkeypatch, tmp_path, [0.86, 0.9, 0.88, 0.86, 0.9], 0.8, *UPDATE) == 0


def test_a_baseline_that_does_not_know_the_constant_answer_learns_it_from_the_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "baseline.json").write_text(json.dumps(content()))
    assert gated(monkeypatch, tmp_path, [0.80, 0.82, 0.84], 0.75) == 2
    assert "giving every example the same answer scores 0.7500" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_found_before_the_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "baseline.json").write_text(NEW)

    def read_only(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    assert gated(monkeypatch, tmp_path, [], 0.0, *UPDATE) == 2
    assert "cannot be written (Permission denied)" in capsys.readouterr().err


FAULT = """
import torch
from torch import nn
nn.Linear.forward = lambda self, given: nn.functional.linear(given, self.weight, self.bias) * 0
"""


@pytest.mark.slow
def test_update_then_pass_then_catch_a_fault(small_bert, data_dir, tmp_path, capsys, monkeypatch):
    # The fault is loaded in this process too: it ends with the test.
    monkeypatch.setattr(nn.Linear, "forward", nn.Linear.forward)
    recipe = {"learning_rate": 5e-3, "max_steps": 60, "batch_size": 16, "max_length": 64, "precision": "fp32"}
    request = {
        "model": "bert",
        "task": "ner/cities",
        "weights": str(small_bert),
        "data_dir": str(data_dir),
        "recipe": recipe,
    }
    file = tmp_path / "baseline.json"
    file.write_text(
        json.dumps({"schema_version": 1, "rerun_seeds": [0], "cells": [{"request": request, "seeds": [0, 1]}]})
    )
    arguments = ["regress", "--baseline", str(file), "--scores-only"]
    assert run_command([*arguments, "--update", "--why", "the first one", "--json"]) == 0
    capsys.readouterr()
    written = json.loads(file.read_text())
    assert written["why"] == "the first one"
    assert written["date"]
    assert written["environment"]["packages"]["torch"]
    assert len(written["cells"][0]["scores"]) == 2
    assert written["cells"][0]["request"] == request

    assert run_command([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["passed"]
    assert told["cells"][0]["score"] == written["cells"][0]["scores"][0]

    plugin = Path(tmp_path / "fault.py")
    plugin.write_text(FAULT)
    assert run_command([*arguments, "--plugin", str(plugin), "--out", str(tmp_path / "kept")]) == 1
    shown = capsys.readouterr().out
    assert "drop" in shown
    assert "1 of 1 cells failed" in shown
    assert "prediction interval" in shown
    assert len(list((tmp_path / "kept").glob("regress-*/*/run.json"))) == 1


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"model": "bert", "task": "ner/nowhere", "data_dir": "data"}, "nowhere"),
        ({"model": "berd", "task": "ner"}, "did you mean 'bert'"),
        ({"model": "bm25", "task": "ner"}, "bm25 ranks documents"),
        ({"model": "bert", "task": "ner", "plugins": ["gone.py"]}, "gone.py"),
    ],
)
def test_a_cell_that_cannot_be_run_is_wrong_input_and_no_drop(tmp_path, capsys, request_, sentence):
    (tmp_path / "data" / "ner").mkdir(parents=True)
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"cells": [{"request": request_}]}))
    assert run_command(["regress", "--baseline", str(file), "--update", "--why", "new"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_baseline_that_lost_its_losses_is_refused(tmp_path):
    gate.refuse_other(baseline(tmp_path).cells[0], record(0.82))
    with pytest.raises(InputError, match="has no training losses"):
        gate.refuse_other(baseline(tmp_path, losses=[]).cells[0], record(0.82))


def test_paths_in_a_request_are_relative_to_the_file_where_they_are_beside_it(tmp_path, monkeypatch):
    folder = tmp_path / "gate"
    for name in ("mine", "weights"):
        (folder / name).mkdir(parents=True)
    (folder / "first.run").touch()
    monkeypatch.chdir(tmp_path)

    def request(**values):
        asked = {"model": "bert", "task": "rerank/x", "data_dir": "data"} | values
        return baseline(folder, request=asked).cells[0].request

    assert request(model="mine").model == str(folder / "mine")
    assert request(model="bert").model == "bert"
    assert request(weights="weights").weights == str(folder / "weights")
    assert request(weights="scratch").weights == "scratch"
    assert request(weights="owner/name").weights == "owner/name"
    found = request(task_options={"candidates": "first.run", "depth": "5"})
    assert found.task_options == {"candidates": str(folder / "first.run"), "depth": "5"}
    assert request().data_dir == str(folder / "data")
