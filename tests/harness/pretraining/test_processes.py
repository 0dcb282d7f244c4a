"""Two processes over gloo take the steps of one process."""

import pytest

from tests.harness.pretraining.conftest import record_of, weights_of
from tests.processes import Program, wait_until


def finished(program):
    done = program.wait()
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def pretraining(words, processes=None):
    return Program(["-m", "harness", *words], processes=processes)


@pytest.mark.slow
def test_two_processes_match_one_process_with_the_same_whole_batch(words, tmp_path):
    finished(pretraining([*words(out="one", tokens="8K"), "--json"]))
    assert finished(pretraining([*words(out="two", tokens="8K"), "--json"], 2)).count("\n") == 1
    one, two = record_of(tmp_path / "one"), record_of(tmp_path / "two")
    assert (one["environment"]["processes"], two["environment"]["processes"]) == (1, 2)
    assert one["key"] == two["key"]
    assert [step for step, _ in one["losses"]] == [step for step, _ in two["losses"]]
    for (_, ours), (_, theirs) in zip(one["losses"], two["losses"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert two["scores"]["heldout"]["loss"] == pytest.approx(one["scores"]["heldout"]["loss"], abs=1e-4)
    assert one["losses"][-1][1] < one["losses"][0][1] - 0.5


@pytest.mark.slow
def test_two_processes_that_were_cut_off_end_in_the_same_weights(words, tmp_path):
    options = {"tokens": "8K", "checkpoint_every": 0}
    finished(pretraining(words(out="whole", **options), 2))
    cut = pretraining(words(out="cut", **options), 2)
    trunk = tmp_path / "cut" / ".pretraining" / "trunk"
    wait_until(lambda: not cut.runs() or list(trunk.glob("checkpoint-[4-9]/complete")))
    cut.terminate()
    cut.wait()
    finished(pretraining(words(out="cut", **options), 2))
    assert record_of(tmp_path / "cut")["resumed_from"]
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_rows_that_cannot_be_divided_are_refused(words, monkeypatch, capsys):
    from harness.cli import run_command

    for name, value in {"RANK": 0, "WORLD_SIZE": 3, "LOCAL_RANK": 0, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("harness.machine.distributed.join", lambda: None)
    assert run_command(words()) == 2
    assert "cannot be divided equally among 3 processes" in capsys.readouterr().err
