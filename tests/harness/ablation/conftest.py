"""Small studies in this process: a corpus, a tokenizer and a dataset of made-up sentences."""

import time

import pytest

import harness.commands.ablate
from harness.cli import run_command
from harness.pipelines.run_cell import run_one
from harness.scheduling.executor import Finished
from tests.harness.pretraining.conftest import (
    SMALL,
    cache,
    corpus,
    matmul_rates,
    measured_once,
    own_cache,
    small_tokenizer,
)

__all__ = ["cache", "corpus", "matmul_rates", "measured_once", "own_cache", "small_tokenizer"]


class InThisProcess:
    """Runs cells here, without the seconds that a child takes to import torch."""

    workers = 1

    def __init__(self, store):
        self.store = store

    def run(self, jobs):
        for job in jobs:
            began = time.monotonic()
            outcome = run_one(job.request, self.store, False)
            yield Finished(job.key, outcome.record, time.monotonic() - began)


def pretrain_here(store):
    """A stand-in for a child: ``harness pretrain`` in this process."""

    def pretrain(request, tell):
        tell("begins")
        code = run_command(["pretrain", *request.arguments(), "--store", str(store)])
        return "" if code == 0 else f"ended with {code}"

    return pretrain


@pytest.fixture
def in_process(monkeypatch, tmp_path):
    """Pretraining and cells run in this process."""
    monkeypatch.setattr(harness.commands.ablate, "_executor", lambda store, *_: InThisProcess(store))
    monkeypatch.setattr(harness.commands.ablate, "_pretrain", lambda options: pretrain_here(options.store))


@pytest.fixture
def words(corpus, small_tokenizer, data_dir, tmp_path):
    """The words of a small study: ``words("--only", "all-static", model="avey-b", tokens="8K")``."""

    def of(*more, model="avey-b", **options):
        given = {
            "tokenizer": small_tokenizer,
            "corpus": corpus,
            "tokens": "8K",
            "batch-tokens": 512,
            "rows": "32:64",
            "eval-tokens": 2048,
            "precision": "fp32",
            "lr": "3e-3",
            "tasks": "ner/cities",
            "data-dir": data_dir,
            "out": tmp_path / "study",
            "store": tmp_path / "store",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        found = ["ablate", "--model", model]
        for name, value in SMALL[model].items():
            found += ["--model-option", f"{name}={value}"]
        for name, value in given.items():
            found += [f"--{name}", value]
        for value in ("max_steps=4", "max_length=32", "train_limit=40", "precision=fp32"):
            found += ["--fine-tuning", value]
        return [str(word) for word in (*found, *more)]

    return of
