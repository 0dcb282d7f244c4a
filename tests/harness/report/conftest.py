"""A store that was swept, and points of a bench whose curves are known."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.store.record import PointRecord
from tests.records import STRENGTH, point_record, predictions_of, run_record, sweep_records, write_run


@pytest.fixture
def records() -> list[PointRecord]:
    """A linear encoder that is slow at first, a quadratic one whose memory ends, and one that ends at its own length.

    The linear one takes 0.1 ms a token, the quadratic one 0.1 ms a token at 1 000 tokens: there they cross.
    """
    lengths = [125, 500, 2000, 8000, 32000]
    linear = [point_record("line", length, 0.1 * length) for length in lengths]
    square = [point_record("square", length, 1e-4 * length**2) for length in lengths[:3]]
    square.append(point_record("square", 8000, None, "oom", error="no memory"))
    square.append(point_record("square", 32000, None, "skipped", error="memory ended at 8000 tokens already"))
    short = [point_record("short", 125, 5.0), point_record("short", 500, 30.0, point={"extended": True})]
    short.append(point_record("short", 2000, None, "beyond_max_length", error="it takes at most 500 tokens"))
    short += [point_record("short", length, None, "skipped", error="its length ended") for length in lengths[3:]]
    return linear + square + short


@pytest.fixture
def make_record() -> Any:
    """`tests.records.point_record`."""
    return point_record


@pytest.fixture(scope="session")
def make_run() -> Any:
    """`tests.records.run_record`."""
    return run_record


@pytest.fixture(scope="session")
def lay_run() -> Any:
    """`tests.records.write_run`."""
    return write_run


@pytest.fixture(scope="session")
def swept_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sweep of five models, three tasks, two learning rates and three seeds, and a bench of these models."""
    store = tmp_path_factory.mktemp("swept") / "runs"
    for record in sweep_records():
        write_run(store, record, predictions_of(record))
    for place, model in enumerate(STRENGTH):
        for length in (128, 512, 2048):
            bench = point_record(model, length, 0.01 * length * (1 + place) * (length / 512) ** (0.2 * place))
            folder = store / f"{model}-tiny_bench-{length}"
            folder.mkdir()
            (folder / "run.json").write_text(json.dumps(bench), encoding="utf-8")
    return store


def alone(ranked):
    """A judge that knows no ties."""
    return ["best", *[""] * (len(ranked) - 1)], "a test"


def ranker(make_run, score=0.4, **task):
    return make_run(
        "bm25",
        "retrieval/docstrings",
        score=score,
        recipe={"epochs": 0.0},
        model={"size": "lexical", "weights": "none", "params_total": 0, "params_non_embedding": 0},
        task=task,
    )
