"""Trackers: named as transformers names them, and a missing package by its name."""

import pytest

from harness.cli import run_command
from harness.errors import InputError
from harness.machine import tracking
from harness.machine.tracking import TRACKERS, Curves, trackers_of


@pytest.fixture
def installed(monkeypatch):
    """Says which packages are installed."""

    def only(*names):
        monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: name if name in names else None)
        monkeypatch.delenv("KUBEFLOW_TRAINER_SERVER_URL", raising=False)

    return only


def test_the_trackers_are_those_of_transformers():
    from transformers.integrations import INTEGRATION_TO_CALLBACK

    assert set(TRACKERS) == set(INTEGRATION_TO_CALLBACK)


def test_several_trackers_all_or_none(installed):
    installed("tensorboard", "wandb", "comet_ml")
    assert trackers_of("wandb, tensorboard,wandb") == ("wandb", "tensorboard")
    assert trackers_of("all") == ("comet_ml", "tensorboard", "wandb")
    assert trackers_of("none") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mlflow", r"--report-to mlflow needs the package mlflow; pip install mlflow"),
        ("tensorboard,azure_ml", r"--report-to azure_ml needs the package azureml-core"),
        ("dagshub", r"needs the package dagshub; pip install dagshub mlflow"),
        ("kubeflow", r"needs the variable KUBEFLOW_TRAINER_SERVER_URL"),
        ("wandbb", r"--report-to knows no 'wandbb'; there are azure_ml, .*wandb, all and none"),
        ("", r"--report-to knows no ''"),
    ],
)
def test_what_is_missing_is_told_by_name(installed, text, sentence):
    installed("tensorboard")
    with pytest.raises(InputError, match=sentence):
        trackers_of(text)


def test_a_folder_needs_tensorboard(capsys, tmp_path):
    arguments = ["run", "--model", "bert", "--task", "ner", "--log-dir", str(tmp_path)]
    assert run_command(arguments) == 2
    assert "--log-dir is the folder of --report-to tensorboard" in capsys.readouterr().err


def test_a_child_is_told_the_same(tmp_path):
    curves = Curves(tmp_path, ("wandb", "tensorboard"))
    assert curves.arguments() == ("--report-to", "wandb,tensorboard", "--log-dir", str(tmp_path))
    assert curves.of_run("x").folder == tmp_path / "x"
    assert Curves(tmp_path, ("wandb",)).arguments() == ("--report-to", "wandb")


def test_the_callbacks_are_those_of_transformers(monkeypatch, tmp_path):
    """SwanLab's name stands for any tracker: its own callback would need its package."""
    from transformers.integrations import INTEGRATION_TO_CALLBACK, TensorBoardCallback
    from transformers.trainer_callback import TrainerCallback

    from harness.nn.training import tracked

    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "swanlab", TrainerCallback)
    one, other = tracked(Curves(tmp_path / "run", ("swanlab", "tensorboard")), anew=True)
    assert type(one) is TrainerCallback
    assert isinstance(other, TensorBoardCallback)
