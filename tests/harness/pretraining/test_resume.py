"""A run that was cut off ends in the weights of an undisturbed one; branches are runs of their own length."""

import random
import shlex
import shutil
import time

import pytest

from harness.cli import run_command
from harness.pretraining import checkpoints, training
from tests.harness.pretraining.conftest import record_of, weights_of
from tests.processes import Program, harness, wait_until


def curve_of(folder):
    """What the run saw of itself, but for its clock."""
    record = record_of(folder)
    points = [
        {name: value for name, value in point.items() if name not in ("seconds", "processor_s")}
        for point in record["curve"]
    ]
    return points, record["losses"], record["scores"], record["flops"]


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_weights(words, tmp_path):
    options = {"checkpoint_every": 0, "precision": "bf16"}
    undisturbed = harness(*words(out="whole", **options))
    assert undisturbed.returncode == 0, undisturbed.stderr
    chance, kills = random.Random(0), 0
    trunk = tmp_path / "killed" / ".pretraining" / "trunk"
    for _ in range(30):
        run = Program(["-m", "harness", *words(out="killed", **options)])
        wait_until(lambda run=run, tired=kills == 3: not run.runs() or (not tired and checkpoints.last_in(trunk)))
        if run.runs():
            # The first kill is in the middle of the trunk, the others at any moment, also while a checkpoint is written.
            time.sleep(chance.uniform(0, 0.6) if kills else 0)
        if not run.runs():
            break
        run.kill()
        run.wait()
        kills += 1
    done = run.wait()
    assert done.returncode == 0, done.stderr.decode()
    assert kills == 3
    assert record_of(tmp_path / "killed")["resumed_from"]
    assert weights_of(tmp_path / "killed") == weights_of(tmp_path / "whole")
    assert curve_of(tmp_path / "killed") == curve_of(tmp_path / "whole")
    assert not (tmp_path / "killed" / ".pretraining").exists()


class CutOffError(BaseException):
    pass


@pytest.mark.parametrize(
    "options",
    [
        {"model": "avey-b"},
        {"model": "modernbert", "optimizer": "muon"},
        {"model": "roberta", "first_rows": "16:3K", "positions": "sinusoids"},
    ],
)
def test_any_encoder_goes_on_from_the_middle_of_the_trunk_and_of_the_last_part(words, tmp_path, monkeypatch, options):
    assert run_command(words(out="whole", tokens="8K", **options)) == 0
    saved = []
    complete = checkpoints.complete

    def then_stop(checkpoint):
        complete(checkpoint)
        saved.append(checkpoints.number_of(checkpoint))
        if len(saved) in (5, 11):
            raise CutOffError

    monkeypatch.setattr(checkpoints, "complete", then_stop)
    for _ in range(2):
        with pytest.raises(CutOffError):
            run_command(words(out="cut", tokens="8K", checkpoint_every=0, **options))
    assert run_command(words(out="cut", tokens="8K", checkpoint_every=0, **options)) == 0
    assert record_of(tmp_path / "cut")["resumed_from"] == [5, 11]
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    assert curve_of(tmp_path / "cut") == curve_of(tmp_path / "whole")


def test_a_checkpoint_that_was_cut_off_does_not_count_and_one_stays(tmp_path):
    for step in (3, 7, 9):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x")
        if step != 9:
            (folder / checkpoints.COMPLETE).touch()
    assert checkpoints.last_in(tmp_path).name == "checkpoint-7"
    checkpoints.tidy(tmp_path)
    assert not (tmp_path / "checkpoint-9").exists()
    checkpoints.complete(tmp_path / "checkpoint-7")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-7"]


def test_a_branch_is_the_run_of_its_length_with_the_same_warm_up(words, tmp_path):
    # 32 steps of 512 tokens with 2 steps of warm-up; the branch has 16, of which 2 are an eighth.
    assert run_command(words(out="trunk", tokens="16384", branch_at="8192", warmup=0.0625)) == 0
    assert run_command(words(out="alone", tokens="8192", warmup=0.125, points=2)) == 0
    assert run_command(words(out="whole", tokens="16384", warmup=0.0625)) == 0
    branch = tmp_path / "trunk" / "branch-8.19K"
    assert weights_of(branch) == weights_of(tmp_path / "alone")
    assert weights_of(tmp_path / "trunk") == weights_of(tmp_path / "whole")
    assert record_of(branch)["scores"] == record_of(tmp_path / "alone")["scores"]
    assert record_of(branch)["recipe"]["tokens"] == 8192
    assert [point["tokens"] for point in record_of(branch)["curve"]][-1] == 8192


def test_the_same_command_after_the_end_trains_nothing(words, tmp_path, monkeypatch, capsys):
    assert run_command(words(tokens="4K")) == 0
    monkeypatch.setattr(training, "Pretrainer", None)
    shutil.rmtree(tmp_path / "store")
    assert run_command(words(tokens="4K")) == 0
    assert "held-out" in capsys.readouterr().err
    (kept,) = (tmp_path / "store").glob("*/run.json")
    assert kept.parent.name.startswith("bert-tiny_pretraining-")


def test_a_run_goes_on_if_its_corpus_may_be_read_more_often_than_before(words, tmp_path, monkeypatch):
    assert run_command(words(out="whole", tokens="4K")) == 0

    def stop(checkpoint):
        raise CutOffError

    with monkeypatch.context() as cut:
        complete = checkpoints.complete
        cut.setattr(checkpoints, "complete", lambda checkpoint: (complete(checkpoint), stop(checkpoint)))
        with pytest.raises(CutOffError):
            run_command(words(out="cut", tokens="4K", checkpoint_every=0))
    for passes in (6, 7):
        assert run_command(words(out="cut", tokens="4K", checkpoint_every=0, passes=passes)) == 0
        assert record_of(tmp_path / "cut")["resumed_from"] == [1]
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_the_command_in_the_record_repeats_the_run(words, tmp_path):
    assert run_command(words(tokens="4K", warmup=0.25, mask_rate="0.2", seed=5)) == 0
    again = shlex.split(record_of(tmp_path / "out")["command"])[3:]
    again[again.index("--out") + 1] = str(tmp_path / "again")
    assert run_command([*again, "--store", str(tmp_path / "store")]) == 0
    assert weights_of(tmp_path / "again") == weights_of(tmp_path / "out")
    assert record_of(tmp_path / "again")["key"] == record_of(tmp_path / "out")["key"]


def test_a_full_disk_stops_the_run_and_loses_nothing(words, tmp_path, monkeypatch, capsys):
    assert run_command(words(out="whole", tokens="8K")) == 0
    import torch

    save, calls = torch.save, []

    def full(*arguments, **options):
        calls.append(1)
        if len(calls) == 7:
            raise OSError(28, "No space left on device")
        return save(*arguments, **options)

    monkeypatch.setattr(torch, "save", full)
    assert run_command(words(out="full", tokens="8K", checkpoint_every=0)) == 1
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert "goes on from the last whole checkpoint" in message
    (kept,) = (tmp_path / "full" / ".pretraining" / "trunk").iterdir()
    assert (kept / checkpoints.COMPLETE).exists()
    assert run_command(words(out="full", tokens="8K", checkpoint_every=0)) == 0
    assert weights_of(tmp_path / "full") == weights_of(tmp_path / "whole")


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(words, tmp_path, monkeypatch, capsys):
    from harness.nn.masked_lm import MaskedLM

    forward, calls = MaskedLM.forward, []

    def broken(self, *arguments, **options):
        outputs = forward(self, *arguments, **options)
        calls.append(self.training)
        if sum(calls) == 6 and self.training:
            outputs["loss"] = outputs["loss"] * float("nan")
        return outputs

    monkeypatch.setattr(MaskedLM, "forward", broken)
    assert run_command(words(tokens="8K", checkpoint_every=0)) == 1
    assert "the training loss is nan at step 6" in capsys.readouterr().err
    assert checkpoints.last_in(tmp_path / "out" / ".pretraining" / "trunk").name == "checkpoint-5"
