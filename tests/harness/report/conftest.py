"""Records made up by formula or from a seeded generator, so that what the report must find in them is known."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.store import Store


def bench_record(
    model: str, length: int, latency_ms: float | None, status: str = "ok", **changes: Any
) -> dict[str, Any]:
    """A record with a latency, spread by 10 % to both sides, and 1 MiB a thousand tokens; or one that ended."""
    point = {
        "model": model,
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
    record: dict[str, Any] = {
        "schema_version": 1,
        "key": f"{model}{length}",
        "kind": "bench",
        "status": status,
        "error": None,
        "model": {"name": model, "size": "tiny"},
        "point": point | changes.pop("point", {}),
        "latency_ms": None,
        "tokens_per_s": None,
        "memory": None,
        "flops": None,
        "fraction_of_peak": None,
        "joules_per_call": {},
        "calibration": None,
        "environment": {},
        "processor_taken_by_others": 0.0,
        "limits": {"timeout_s": 60.0, "memory_mib": 1000, "min_repetitions": 5, "min_seconds": 1.0},
    }
    if latency_ms is not None:
        rate = length / latency_ms * 1e3
        record["latency_ms"] = {
            "median": latency_ms,
            "p10": 0.9 * latency_ms,
            "p90": 1.1 * latency_ms,
            "samples": [latency_ms] * 5,
        }
        record["tokens_per_s"] = {"median": rate, "p10": rate / 1.1, "p90": rate / 0.9}
        record["memory"] = {"peak_above_loaded_mib": length / 1000}
    return record | changes


@pytest.fixture
def records() -> list[dict[str, Any]]:
    """A linear encoder that is slow at first, a quadratic one whose memory ends, and one that ends at its own length.

    The linear one takes 0.1 ms a token, the quadratic one 0.1 ms a token at 1 000 tokens: there they cross.
    """
    lengths = [125, 500, 2000, 8000, 32000]
    linear = [bench_record("line", length, 0.1 * length) for length in lengths]
    square = [bench_record("square", length, 1e-4 * length**2) for length in lengths[:3]]
    square.append(bench_record("square", 8000, None, "oom", error="no memory"))
    square.append(bench_record("square", 32000, None, "skipped", error="memory ended at 8000 tokens already"))
    short = [bench_record("short", 125, 5.0), bench_record("short", 500, 30.0, point={"extended": True})]
    short.append(bench_record("short", 2000, None, "beyond_max_length", error="it takes at most 500 tokens"))
    short += [bench_record("short", length, None, "skipped", error="its length ended") for length in lengths[3:]]
    return linear + square + short


@pytest.fixture
def make_record() -> Any:
    """The maker of records itself."""
    return bench_record


METRICS = {
    "ner": "entity_f1_strict",
    "span": "answer_f1",
    "nli": "accuracy",
    "classification": "accuracy",
    "retrieval": "ndcg_at_10",
    "needle": "needle_exact_match",
}
ENTITY_TYPES = ("CLASS", "CODE", "FUNC", "PARAM")
STRENGTH = {"avey-b": 0.03, "bert": 0.0, "modernbert": 0.025, "neobert": -0.01, "roberta": -0.015}


def run_record(
    name: str = "bert",
    dataset: str = "ner/docstrings",
    seed: int = 0,
    rate: float = 1e-3,
    score: float = 0.5,
    **changes: Any,
) -> dict[str, Any]:
    """A finished run in the shape that ARCHITECTURE.md tells; ``changes`` replace values inside of its parts."""
    family = dataset.partition("/")[0]
    metric = METRICS.get(family, "accuracy")
    scores = {metric: score}
    if family == "ner":
        scores |= {f"{metric}.{kind}": max(0.0, score + 0.06 * place - 0.1) for place, kind in enumerate(ENTITY_TYPES)}
    parts: dict[str, Any] = {
        "schema_version": 1,
        "key": "",
        "status": "ok",
        "error": None,
        "model": {
            "name": name,
            "size": "tiny",
            "weights": "scratch",
            "revision": None,
            "identity": f"scratch {name}",
            "params_total": 5_000_000 + 1000 * len(name),
            "params_non_embedding": 3_200_000 + 1000 * len(name),
        },
        "task": {
            "name": family,
            "dataset": dataset,
            "origin": "embedded",
            "fingerprint": f"{abs(hash_of(dataset)):064x}",
            "sources": {"numpy": "2.4.6"},
            "notes": [],
            "metric": metric,
            "options": {},
            "n_train": 5000,
            "n_dev": 50,
            "n_test": 100,
            "n_windowed": 1,
            "n_truncated": 0,
            "n_skipped": 0,
        },
        "recipe": {
            "learning_rate": rate,
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
        },
        "seed": seed,
        "tuned": {},
        "scores": {"dev": {m: s - 0.01 for m, s in scores.items()}, "test": scores},
        "losses": [[10, 2.0], [20, 1.5]],
        "seconds": {"load": 2.0, "encode": 1.0, "fit": 60.0 + 9 * len(name) + seed, "predict": 4.0, "score": 0.1},
        "peak_memory_mib": 900.0,
        "environment": {
            "python": "3.11.7",
            "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
            "git_revision": "e5f67084df33ec76ab17d2b7046f141d3dd3edc7",
            "cpu": "a processor",
            "cpu_count": 2,
            "gpu": None,
            "threads": 2,
            "platform": "Linux",
        },
        "predictions": "predictions.jsonl",
    }
    for part, value in changes.items():
        parts[part] = parts[part] | value if isinstance(value, dict) else value
    recipe = parts["recipe"]
    parts["command"] = (
        f"python -m harness run --model {name} --task {dataset} --weights scratch --seed {seed} --lr {recipe['learning_rate']:g}"
    )
    identity = [parts["model"], parts["task"]["fingerprint"], dataset, recipe, seed]
    parts["key"] = f"{hash_of(json.dumps(identity, sort_keys=True)):016x}"
    return parts


def hash_of(text: str) -> int:
    """A number that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


N_TEST = 50
"""Test examples of a made-up run; its score is a multiple of one over it."""


def predictions_of(record: dict[str, Any], n: int = N_TEST) -> list[dict[str, Any]]:
    """Rows in the shape of the task's; how many are right follows from the score, which of them from the key."""
    random = np.random.default_rng(hash_of(record["key"]) % 2**32)
    right = random.permutation(n) < round(n * record["scores"]["test"][record["task"]["metric"]])
    rows: list[dict[str, Any]] = []
    for number in range(n):
        identity = {"split": "test", "id": f"{record['task']['dataset']}-{number}"}
        if record["task"]["name"] == "ner":
            gold = ["O", "O", "B-CODE", "I-CODE", "O", "B-PARAM"]
            tokens = ["Returns", "the", "log", "softmax", "of", f"x{number}"]
            wrong = [["O", "O", "B-FUNC", "I-FUNC", "O", "B-PARAM"], ["O", "O", "B-CODE", "O", "O", "O"], ["O"] * 6]
            row = {"tokens": tokens, "gold": gold, "predicted": gold if right[number] else wrong[number % 3]}
        elif record["task"]["name"] == "span":
            row = {
                "question": f"What does the parameter {number} mean?",
                "gold": ["the axis", "axis"],
                "predicted": "axis" if right[number] else "",
                "start": 3 if right[number] else None,
                "score": 1.5,
            }
        else:
            gold_label = ["neutral", "entailment"][number % 2]
            row = {"gold": gold_label, "predicted": gold_label if right[number] else "contradiction"}
        row["terms"] = [int(right[number]), 1]
        rows += [identity | {"split": "dev"} | row, identity | row]
    return rows


def write_run(store: Path, record: dict[str, Any], predictions: list[dict[str, Any]] | None = None) -> Path:
    """Lay a run into a store as `harness.store.Store.write` does, without the flushes to disk."""
    folder = Store(store).folder_of(record)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if predictions is not None:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
        (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def sweep_records(
    models: Sequence[str] = tuple(STRENGTH),
    datasets: Sequence[str] = ("ner/docstrings", "span/docstrings", "nli/docstrings"),
    rates: Sequence[float] = (5e-4, 1e-3),
    seeds: Sequence[int] = (0, 1, 2),
    n_test: int = N_TEST,
) -> Iterator[dict[str, Any]]:
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


@pytest.fixture(scope="session")
def make_run() -> Any:
    """The maker of finished runs itself."""
    return run_record


@pytest.fixture(scope="session")
def lay_run() -> Any:
    """The writer of a run into a store itself."""
    return write_run


@pytest.fixture(scope="session")
def swept_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sweep of five models, three tasks, two learning rates and three seeds, and a bench of these models."""
    store = tmp_path_factory.mktemp("swept") / "runs"
    for record in sweep_records():
        write_run(store, record, predictions_of(record))
    for place, model in enumerate(STRENGTH):
        for length in (128, 512, 2048):
            bench = bench_record(model, length, 0.01 * length * (1 + place) * (length / 512) ** (0.2 * place))
            folder = store / f"{model}-tiny_bench-{length}"
            folder.mkdir()
            (folder / "run.json").write_text(json.dumps(bench), encoding="utf-8")
    return store
