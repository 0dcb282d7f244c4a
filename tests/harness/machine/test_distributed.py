"""One cell in two processes over gloo: the steps, the losses and the scores of one process with the same batch."""

import json
import sys
from pathlib import Path

import pytest

from harness.cli import run_command
from harness.errors import InputError
from harness.machine import distributed
from tasks.task import IGNORED
from tests.conftest import conll_text, save_bert
from tests.processes import python

WITHOUT_DROPOUT = "import harness.nn.heads\nharness.nn.heads.DROPOUT = 0.0\n"
FAILING = """
import harness.progress

def with_loss(update):
    def progress(step, steps, loss):
        if step == 3:
            raise RuntimeError("planned")
    return progress

harness.progress.with_loss = with_loss
"""
CUT_OFF_TRAINING = Path(__file__).parents[1] / "cut_off_training.py"
THREADS_LEFT = Path(__file__).with_name("threads_left.py")
EXAMPLES = 97
"""With batches of 8 the last holds one example, and one of the processes nothing."""


def launched(monkeypatch, rank, world_size=2):
    for name, value in {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": rank, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer):
    """A small dataset, and weights without dropout."""
    root = tmp_path_factory.mktemp("distributed")
    cities = root / "data" / "ner" / "cities"
    cities.mkdir(parents=True)
    for seed, (split, sentences) in enumerate({"train": EXAMPLES, "dev": 10, "test": 30}.items()):
        (cities / f"{split}.conll").write_text(conll_text(seed, sentences), encoding="utf-8")
    save_bert(root / "weights", tokenizer, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (root / "no_dropout.py").write_text(WITHOUT_DROPOUT)
    return root


def arguments(folder, out):
    given = ["run", "--model", "bert", "--task", "ner/cities", "--data-dir", folder / "data", "--out", out, "--json"]
    given += ["--weights", folder / "weights", "--plugin", folder / "no_dropout.py", "--lr", "3e-3", "--epochs", "2"]
    given += ["--batch-size", "8", "--max-length", "64", "--precision", "fp32", "--report-to", "tensorboard"]
    return [str(word) for word in given]


@pytest.fixture(scope="module")
def two_processes(folder):
    return python(THREADS_LEFT, folder, *arguments(folder, folder / "two"), processes=2)


def assert_no_thread_is_left(folder):
    for rank in range(2):
        found = json.loads((folder / f"{rank}.json").read_text())
        if sys.platform == "linux":
            assert found["during"], "the names of gloo's threads have changed"
        assert found["after"] == []


def test_two_processes_give_the_losses_and_scores_of_one(two_processes, folder, capsys, monkeypatch):
    import harness.nn.heads

    assert two_processes.returncode == 0, two_processes.stderr
    together = json.loads(two_processes.stdout)
    monkeypatch.setattr(harness.nn.heads, "DROPOUT", 0.0)
    assert run_command(arguments(folder, folder / "one")) == 0
    alone = json.loads(capsys.readouterr().out)
    assert together["environment"]["processes"] == 2
    assert alone["environment"]["processes"] == 1
    assert together["key"] == alone["key"]
    assert together["recipe"] == alone["recipe"]
    assert together["recipe"]["effective_batch_size"] == 8
    assert together["recipe"]["steps"] == 2 * 13
    assert [step for step, _ in together["losses"]] == list(range(1, 27))
    for (_, ours), (_, theirs) in zip(together["losses"], alone["losses"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert alone["losses"][-1][1] < 0.5 * alone["losses"][0][1]
    assert together["scores"] == alone["scores"]


def test_two_processes_that_were_cut_off_go_on_with_the_same_numbers(folder, small_bert, tmp_path):
    done = python(CUT_OFF_TRAINING, small_bert, folder / "data", tmp_path, processes=2)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first == second, "the processes came to different weights"
    assert (first["whole"]["from"], first["resumed"]["from"]) == (0, 16)
    assert first["resumed"]["losses"] == first["whole"]["losses"]
    assert first["resumed"]["weights"] == first["whole"]["weights"]


def test_no_thread_of_gloo_outlives_a_run(two_processes, folder):
    assert_no_thread_is_left(folder)


def test_no_thread_of_gloo_outlives_a_run_that_fails(folder, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    told = [*arguments(folder, tmp_path / "out"), "--plugin", tmp_path / "failing.py"]
    done = python(THREADS_LEFT, tmp_path, *told, processes=2)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["error"] == "RuntimeError: planned"
    assert_no_thread_is_left(tmp_path)


def test_no_thread_of_gloo_outlives_a_run_that_is_stopped(tmp_path):
    done = python(THREADS_LEFT, tmp_path, processes=2)
    assert done.returncode == 0, done.stderr
    assert_no_thread_is_left(tmp_path)


def test_one_process_speaks_and_one_record_is_written(two_processes, folder):
    assert two_processes.stdout.count("\n") == 1
    assert two_processes.stderr.count("bert, weights") == 1
    assert sorted(path.name.partition("_")[0] for path in (folder / "two").iterdir()) == ["bert-custom", "tensorboard"]


def test_the_curves_are_in_the_event_file(two_processes, folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (curves,) = (folder / "two" / "tensorboard").iterdir()
    (record,) = (folder / "two").glob("*/run.json")
    assert curves.name == record.parent.name
    assert len(list(curves.iterdir())) == 1
    events = EventAccumulator(str(curves)).Reload()
    losses = json.loads(record.read_text())["losses"]
    assert [event.step for event in events.Scalars("train/loss")] == [step for step, _ in losses]
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx(
        [loss for _, loss in losses], rel=1e-5
    )
    rates = [event.value for event in events.Scalars("train/learning_rate")]
    assert max(rates) == pytest.approx(3e-3)
    assert rates[-1] < rates[5]
    assert all(event.value > 0 for event in events.Scalars("train/grad_norm"))


def test_curves_need_tensorboard(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run_command(["run", "--model", "bert", "--task", "ner", "--report-to", "tensorboard"]) == 2
    assert "pip install tensorboard" in capsys.readouterr().err


def test_a_batch_that_cannot_be_divided_is_refused(monkeypatch, capsys, folder):
    import harness.nn.heads

    monkeypatch.setattr(harness.nn.heads, "DROPOUT", 0.0)  # which the plug-in among the arguments sets for good
    launched(monkeypatch, rank=0, world_size=3)
    assert run_command(arguments(folder, folder / "three")) == 2
    assert "a batch of 8 cannot be divided equally among 3 processes; use --batch-size 9" in capsys.readouterr().err
    assert not (folder / "three").exists()


def test_only_run_is_for_several_processes_and_one_on_a_machine_says_so(monkeypatch, capsys):
    monkeypatch.setattr(distributed, "_TURN_S", 0.0)
    launched(monkeypatch, rank=0)
    assert run_command(["list"]) == 2
    assert "start it without torchrun" in capsys.readouterr().err
    launched(monkeypatch, rank=1)
    assert run_command(["list"]) == 2
    assert capsys.readouterr().err == ""


def test_machines_that_see_different_data_are_named(monkeypatch):
    launched(monkeypatch, rank=0)
    monkeypatch.setattr(distributed, "from_all", lambda value: [value, ("far", "other")])
    with pytest.raises(InputError, match="process 1 on far sees other data or weights than process 0"):
        distributed.refuse_different("mine")


@pytest.mark.parametrize("labels", [[0, 1, 1], (1, 2), 1])
def test_shares_hold_every_example_once_and_an_empty_one_has_no_loss(monkeypatch, labels):
    from harness.nn.trainer import share

    batch = [{"input_ids": [number], "labels": labels} for number in range(3)]
    shares = []
    for rank in range(2):
        launched(monkeypatch, rank)
        shares += share(batch)
    assert sorted(feature["input_ids"][0] for feature in shares) == [0, 1, 2]
    launched(monkeypatch, rank=1)
    (nothing,) = share(batch[:1])
    assert set(nothing["labels"] if isinstance(labels, list | tuple) else [nothing["labels"]]) == {IGNORED}


def test_a_variable_that_some_cluster_sets_is_no_launcher(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert distributed.processes() == 1
    assert distributed.is_first()


def test_the_process_that_reports_errors_ends_first(tmp_path):
    """The other one meets the error at once and must not end everything before it was told."""
    late = "import os, sys, time\nfrom harness.cli import run_command\n"
    late += "time.sleep(2.0 if os.environ['LOCAL_RANK'] == '0' else 0.0)\nsys.exit(run_command(sys.argv[1:]))\n"
    (tmp_path / "late.py").write_text(late)
    done = python(tmp_path / "late.py", "run", "--model", "brt", "--task", "ner", processes=2)
    assert "harness: there is no model called 'brt'; did you mean 'bert'" in done.stderr
