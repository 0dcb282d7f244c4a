"""Made-up records of every kind and stores of them: the one place where tests build records of finished work.

They go through the builders of `harness.store.record`, so that a change of the format reaches every test. Scores come from
formulas or a seeded generator, so that a test knows what must be found in them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.store import PREDICTIONS, Key, Store, record

METRICS = {
    "ner": "entity_f1_strict",
    "span": "answer_f1",
    "retrieval": "ndcg_at_10",
    "needle": "needle_exact_match",
}
"""Main metric of each family; that of all others is accuracy."""
ENTITY_TYPES = ("CLASS", "CODE", "FUNC", "PARAM")
STRENGTH = {"avey-b": 0.03, "bert": 0.0, "modernbert": 0.025, "neobert": -0.01, "roberta": -0.015}
"""How much better than the others each encoder of a made-up sweep is."""
N_TEST = 50
"""Test examples of a made-up run; its score is a multiple of one over it."""

ENVIRONMENT: record.Environment = {
    "python": "3.11.7",
    "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
    "git_revision": "e5f67084df33ec76ab17d2b7046f141d3dd3edc7",
    "cpu": "a processor",
    "cpu_count": 2,
    "gpu": None,
    "threads": 2,
    "platform": "Linux",
}
RECIPE: record.RecipeEntry = {
    "learning_rate": 1e-3,
    "epochs": 1.5,
    "max_steps": None,
    "batch_size": 32,
    "max_length": 512,
    "warmup_ratio": 0.1,
    "weight_decay": 0.1,
    "adam_beta1": 0.9,
    "adam_beta2": 0.95,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "precision": "bf16",
    "train_limit": None,
    "effective_batch_size": 32,
    "steps": 235,
    "resumed_from_step": 0,
}


def model_entry(name: str = "bert", size: str = "tiny") -> record.ModelEntry:
    """An encoder with random weights."""
    return {
        "name": name,
        "size": size,
        "weights": "scratch",
        "revision": None,
        "identity": f"scratch {name}",
        "params_total": 5_000_000 + 1000 * len(name),
        "params_non_embedding": 3_200_000 + 1000 * len(name),
    }


def task_entry(dataset: str = "ner/docstrings") -> record.TaskEntry:
    """An embedded dataset whose fingerprint depends on its name."""
    family = dataset.partition("/")[0]
    return {
        "name": family,
        "dataset": dataset,
        "options": {},
        "origin": "embedded",
        "fingerprint": f"{hash_of(dataset):064x}",
        "sources": {"numpy": "2.4.6"},
        "notes": [],
        "metric": METRICS.get(family, "accuracy"),
        "n_train": 5000,
        "n_dev": 50,
        "n_test": 100,
        "n_windowed": 1,
        "n_truncated": 0,
        "n_skipped": 0,
        "overlap": {"dev": 0.0, "test": 0.0},
    }


def scores_of(metric: str, score: float) -> dict[str, float]:
    """The main metric, and for entities one score for each type."""
    scores = {metric: score}
    if metric == METRICS["ner"]:
        scores |= {f"{metric}.{kind}": max(0.0, score + 0.06 * place - 0.1) for place, kind in enumerate(ENTITY_TYPES)}
    return scores


def run_record(
    name: str = "bert",
    dataset: str = "ner/docstrings",
    seed: int = 0,
    rate: float = 1e-3,
    score: float = 0.5,
    **changes: Any,
) -> record.RunRecord:
    """A finished run whose dev score is 0.01 below its test score.

    Args:
        name: of the encoder.
        dataset: ``family/dataset``.
        seed: of the run.
        rate: learning rate.
        score: on test, by the main metric.
        **changes: top-level keys of the record. A dict is merged into the usual value, everything else replaces it.
            The key of the record follows from what identifies the run, unless it is given.
    """
    scores = scores_of(METRICS.get(dataset.partition("/")[0], "accuracy"), score)
    made = record.run_record(
        key="",
        model=model_entry(name),
        task=task_entry(dataset),
        recipe={**RECIPE, "learning_rate": rate},
        seed=seed,
        tuned={},
        scores={"dev": {metric: value - 0.01 for metric, value in scores.items()}, "test": scores},
        losses=[(10, 2.0), (20, 1.5)],
        seconds={"load": 2.0, "encode": 1.0, "fit": 60.0 + 9 * len(name) + seed, "predict": 4.0, "score": 0.1},
        peak_memory_mib=900.0,
        environment={**ENVIRONMENT},
        predictions=PREDICTIONS,
    )
    return _with_changes({**made, "command": _command(name, dataset, seed, rate)}, changes)


def failure_record(
    name: str = "bert",
    dataset: str = "ner/docstrings",
    seed: int = 0,
    status: record.FailureStatus = "failed",
    error: str = "it failed",
    **changes: Any,
) -> record.FailureRecord:
    """A cell that ended without a score; ``changes`` as for `run_record`."""
    task = task_entry(dataset)
    made = record.failure_record(
        key="",
        status=status,
        error=error,
        model=model_entry(name),
        task={"name": task["name"], "dataset": dataset, "options": {}},
        recipe={**RECIPE},
        seed=seed,
        environment={**ENVIRONMENT},
        command=_command(name, dataset, seed, RECIPE["learning_rate"]),
    )
    return _with_changes(made, changes)


def point_record(
    name: str, length: int, latency_ms: float | None, status: record.PointStatus = "ok", **changes: Any
) -> record.PointRecord:
    """A point of a bench: a latency, spread by 10 % to both sides, and 1 MiB per thousand tokens; or one that ended.

    Args:
        name: of the encoder.
        length: in tokens.
        latency_ms: None where nothing was measured.
        status: how the point ended.
        **changes: as for `run_record`.
    """
    measured: record.Measured = {"status": status, "error": None, "processor_taken_by_others": 0.0}
    if latency_ms is not None:
        measured["samples_ms"] = [latency_ms * (0.875 + 0.025 * place) for place in range(11)]
        measured["memory"] = {"peak_above_loaded_mib": length / 1000}
    made = record.point_record(
        key=f"{name}{length}",
        model={"name": name, "size": "tiny"},  # type: ignore[typeddict-item]
        point=point_entry(name, length),
        limits={"timeout_s": 60.0, "memory_mib": 1000, "min_repetitions": 5, "min_seconds": 1.0},
        measured=measured,
        calibration=None,
    )
    return _with_changes(made, changes)


def point_entry(name: str, length: int) -> record.PointEntry:
    """One text of this many tokens at a time, in fp32."""
    return {
        "model": name,
        "size": "tiny",
        "mode": "inference",
        "length": length,
        "batching": "batch 1",
        "batch_size": 1,
        "precision": "fp32",
        "attention": "sdpa",
        "compiled": False,
        "threads": 2,
        "vocabulary": 8192,
        "extended": False,
        "machine": "a machine, torch 2",
        "tokens": length,
        "ids": "Zipf",
        "objective": None,
        "attention_used": "sdpa",
    }


def _command(name: str, dataset: str, seed: int, rate: float) -> str:
    return f"python -m harness run --model {name} --task {dataset} --weights scratch --seed {seed} --lr {rate:g}"


def _with_changes(made: Any, changes: Mapping[str, Any]) -> Any:
    for part, value in changes.items():
        old = made.get(part)
        made[part] = old | value if isinstance(old, dict) and isinstance(value, dict) else value
    if not made["key"]:
        identity = [made[part] for part in ("model", "task", "recipe", "seed")]
        made["key"] = f"{hash_of(json.dumps(identity, sort_keys=True)):016x}"
    return made


def hash_of(text: str) -> int:
    """A number below 2**64 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def imported_record(**changes: Any) -> record.ImportedRecord:
    """A score of MTEB's own protocol; ``changes`` as for `run_record`."""
    made = record.imported_record(
        key="imported",
        protocol="mteb",
        model={"name": "e5", "size": "imported", "weights": "e5", "revision": None},
        task={
            "name": "Retrieval",
            "dataset": "mteb/NFCorpus",
            "subset": "default",
            "languages": ["eng", "deu"],
            "metric": "ndcg_at_10",
            "revision": None,
        },
        scores={"test": {"ndcg_at_10": 0.4, "map": 0.3}},
        hyperparameters="lr1e-04_sd0",
        source={"file": "NFCorpus.json", "sha256": "0", "version": "2", "notes": []},
    )
    return _with_changes(made, changes)


def pretraining_record(name: str = "bert") -> record.PretrainingRecord:
    """A pretraining that left the plateau: 4 nats a token, where counting pairs of neighbours gives 5."""
    made: Any = record.pretraining_record
    return made(
        key="p",
        identity={},
        model=model_entry(name) | {"options": {}},
        recipe={
            "learning_rate": 2e-3,
            "rows": [256, 512],
            "tokens": 1000,
            "eval_tokens": 100,
            "optimizer": "adamw",
            "batch_tokens": 100,
        },
        seed=0,
        task={"name": "pretraining", "dataset": "pretraining/x", "fingerprint": "f", "metric": "loss"},
        scores={"heldout": {"loss": 4.0, "accuracy": 0.25, "bits_per_byte": 1.5}, "heldout_by_rows": {}},
        baselines={"unigram": {"loss": 7.0}, "bigram": {"loss": 5.0}},
        tokens_to_5_nats=100,
        curve=[{"step": 10, "tokens": 1000, "seconds": 9.0, "flops": 1e15, "loss": 4.0, "accuracy": 0.25}],
        losses=[],
        flops=1e15,
        seconds={"train": 9.0},
        resumed_from=[],
        throughput={"tokens_per_s": 10.0, "mfu": None, "matmul_flops_per_s": 1.0},
        peak_memory_mib=1.0,
        environment={"threads": 1},
        command="c",
    )


def predictions_of(run: record.RunRecord, n: int = N_TEST) -> list[dict[str, Any]]:
    """Rows in the shape of the task's; how many are right follows from the score, which of them from the key."""
    random = np.random.default_rng(hash_of(run["key"]) % 2**32)
    right = random.permutation(n) < round(n * run["scores"]["test"][run["task"]["metric"]])
    rows: list[dict[str, Any]] = []
    for number in range(n):
        identity = {"split": "test", "id": f"{run['task']['dataset']}-{number}"}
        row = _answer(run["task"]["name"], number, bool(right[number])) | {"terms": [int(right[number]), 1]}
        row |= _probabilities(row, round(float(random.uniform(0.45, 1)), 4))
        rows += [identity | {"split": "dev"} | row, identity | row]
    return rows


def _answer(family: str, number: int, right: bool) -> dict[str, Any]:
    if family == "ner":
        gold = ["O", "O", "B-CODE", "I-CODE", "O", "B-PARAM"]
        wrong = [["O", "O", "B-FUNC", "I-FUNC", "O", "B-PARAM"], ["O", "O", "B-CODE", "O", "O", "O"], ["O"] * 6]
        tokens = ["Returns", "the", "log", "softmax", "of", f"x{number}"]
        return {"tokens": tokens, "gold": gold, "predicted": gold if right else wrong[number % 3]}
    if family == "span":
        return {
            "question": f"What does the parameter {number} mean?",
            "gold": ["the axis", "axis"],
            "predicted": "axis" if right else "",
            "start": 3 if right else None,
            "score": 1.5,
        }
    label = ["neutral", "entailment"][number % 2]
    return {"gold": label, "predicted": label if right else "contradiction"}


def _probabilities(row: Mapping[str, Any], sure: float) -> dict[str, Any]:
    """Those of a row of labels or of tags, in which every answer has the same probability."""
    if "tokens" in row:
        return {"probabilities": [sure] * len(row["tokens"])}
    if "start" in row:
        return {}
    other = next(label for label in ("neutral", "entailment") if label != row["predicted"])
    return {"probabilities": {row["predicted"]: sure, other: round(1 - sure, 4)}}


def write_run(
    store: Path, run: record.RunRecord | record.FailureRecord, predictions: Iterable[Mapping[str, Any]] | None = None
) -> Path:
    """Put a run into a store; returns its folder."""
    return Store(store).write(Key.of(run), run, predictions)


def sweep_records(
    models: Sequence[str] = tuple(STRENGTH),
    datasets: Sequence[str] = ("ner/docstrings", "span/docstrings", "nli/docstrings"),
    rates: Sequence[float] = (5e-4, 1e-3),
    seeds: Sequence[int] = (0, 1, 2),
    n_test: int = N_TEST,
) -> Iterator[record.RunRecord]:
    """Finished runs of a whole sweep with scores drawn from a seeded generator; the highest rate suits all models best."""
    random = np.random.default_rng(0)
    for dataset in datasets:
        level = 0.45 + 0.4 * (hash_of(dataset) % 1000) / 1000
        for model in models:
            for rate in rates:
                for seed in seeds:
                    strength = STRENGTH.get(model, 0.001 * (hash_of(model) % 40 - 20))
                    score = level + strength + 0.02 * (rate == max(rates)) + 0.012 * float(random.standard_normal())
                    yield run_record(model, dataset, seed, rate, round(score * n_test) / n_test)
