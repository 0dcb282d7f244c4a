"""Where the curves of training go: TensorBoard's files, or any experiment tracker that transformers reports to."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import InputError

TRACKERS: Mapping[str, tuple[str, ...]] = {
    "azure_ml": ("azureml-core",),
    "clearml": ("clearml",),
    "codecarbon": ("codecarbon",),
    "comet_ml": ("comet-ml",),
    "dagshub": ("dagshub", "mlflow"),
    "dvclive": ("dvclive",),
    "flyte": ("flytekit",),
    "kubeflow": (),
    "mlflow": ("mlflow",),
    "neptune": ("neptune",),
    "swanlab": ("swanlab",),
    "tensorboard": ("tensorboard",),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
}
"""The trackers of `transformers.integrations`, and the packages that each needs."""
_MODULES = {"azureml-core": "azureml", "comet-ml": "comet_ml"}
_KUBEFLOW = "KUBEFLOW_TRAINER_SERVER_URL"


@dataclass(frozen=True)
class Curves:
    """Where the curves of training go.

    Attributes:
        folder: of TensorBoard's event files; its name is the name of the run for every other tracker.
        trackers: some of `TRACKERS`.
    """

    folder: Path
    trackers: tuple[str, ...] = ("tensorboard",)

    def of_run(self, name: str) -> Curves:
        """The curves of one run, in a folder of its own."""
        return replace(self, folder=self.folder / name)

    def arguments(self) -> tuple[str, ...]:
        """The options of ``harness run`` that ask for these."""
        folder = ("--log-dir", str(self.folder)) if "tensorboard" in self.trackers else ()
        return "--report-to", ",".join(self.trackers), *folder


def trackers_of(text: str) -> tuple[str, ...]:
    """The trackers that a user names, as transformers takes them: names with commas, ``all`` that are installed, or ``none``.

    Raises:
        InputError: there is no such tracker, or a package that it needs is not installed.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if names == ("none",):
        return ()
    if names == ("all",):
        return tuple(name for name in TRACKERS if not _missing(name))
    for name in names:
        if name not in TRACKERS:
            raise InputError(f"--report-to knows no {name!r}; there are {', '.join(TRACKERS)}, all and none")
        if missing := _missing(name):
            raise InputError(f"--report-to {name} needs {missing}")
    return names


def _missing(name: str) -> str:
    """What a tracker lacks, with the way to get it; empty if it lacks nothing."""
    if name == "kubeflow":
        return "" if os.environ.get(_KUBEFLOW) else f"the variable {_KUBEFLOW}, which Kubeflow sets in its jobs"
    lacking = [one for one in TRACKERS[name] if importlib.util.find_spec(_MODULES.get(one, one)) is None]
    return f"the package {lacking[0]}; pip install {' '.join(lacking)}" if lacking else ""
