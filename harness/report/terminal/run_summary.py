"""The answer of one run on the terminal."""

from __future__ import annotations

from pathlib import Path

from harness.comparison.names import is_named
from harness.report.table import Column, Look, Table, as_rich, frame_of
from harness.store import RunRecord
from harness.store.record import OWN_SIZE
from harness.terminal import drawn

SHOWN_OVERLAP = 0.01
"""Share of examples that are in train as well, above which the table says so."""

_COLUMNS = (Column("metric"), Column("dev", "{:.4f}", number=True), Column("test", "{:.4f}", number=True))
_TESTS = (
    Column("test set"),
    Column("metric"),
    Column("test", "{:.4f}", number=True),
    Column("guess", "{:.4f}", number=True, head="one constant answer"),
    Column("examples", "{:,}", number=True),
    Column("overlap", "{:.1%}", number=True, head="also in train"),
)


def as_text(record: RunRecord, folder: Path) -> str:
    """The final table: the metric by its full name, what was run, what it cost, where it is and how to repeat it."""
    lines = (f"{name:<11} {line}" for name, line in _facts(record, folder).items() if line is not None)
    tests = [as_rich(_tests(record))] if record.get("tests") else []
    return drawn(as_rich(_scores(record)), *tests, *lines)


def _tests(record: RunRecord) -> Table:
    """The main score on every test set."""
    rows = [
        {
            "test set": test["task"]["dataset"],
            "metric": test["task"]["metric"],
            "test": test["scores"][test["task"]["metric"]],
            "guess": test["task"]["constant_guess"],
            "examples": test["task"]["n_test"],
            "overlap": test["task"]["overlap"]["test"],
        }
        for test in record.get("tests", [])
    ]
    return Table(frame_of(rows), _TESTS, title=f"Trained on {record['task']['dataset']}, tested elsewhere")


def _scores(record: RunRecord) -> Table:
    model, task, scores = record["model"], record["task"], record["scores"]
    rows = [{"metric": name, "dev": scores["dev"].get(name), "test": value} for name, value in scores["test"].items()]
    looks: dict[tuple[int, str], Look] = {
        (number, column): "strong" if name == task["metric"] else "minor"
        for number, name in enumerate(scores["test"])
        for column in ("metric", "dev", "test")
        if name == task["metric"] or "." in name
    }
    own = model["size"] == OWN_SIZE
    what = model["name"] if own else f"{model['name']} {model['size']}"
    source = "" if is_named(model) else f" ({model['weights']})"
    title = f"{what}{source} on {task['dataset']}"
    return Table(frame_of(rows), _COLUMNS, title=title, looks=looks)


def _facts(record: RunRecord, folder: Path) -> dict[str, object]:
    """The lines below the table by name; ``None`` where there is nothing to say."""
    model, task, seconds = record["model"], record["task"], record["seconds"]
    tuned = ", ".join(f"{name} {value:.3f}" for name, value in record["tuned"].items())
    seen = {split: share for split, share in task.get("overlap", {}).items() if share > SHOWN_OVERLAP}
    shares = ", ".join(f"{share:.1%} of {split}" for split, share in seen.items())
    return {
        "weights": model["weights"] if is_named(model) else None,
        "caution": "; ".join(model.get("conformance", {}).get("failed", ())) or None,
        "parameters": f"{model['params_total']:,} ({model['params_non_embedding']:,} without embeddings)",
        "examples": _examples(record),
        "overlap": f"{shares} is also in train" if seen else None,
        "tuned": f"on dev: {tuned}" if tuned else None,
        "seconds": f"{sum(seconds.values()):.0f} ({', '.join(f'{name} {value:.0f}' for name, value in seconds.items())})",
        "memory": f"{record['peak_memory_mib']:.0f} MiB at the peak",
        "data": f"{task['origin']}, fingerprint {task['fingerprint'][:16]}",
        "record": folder / "run.json",
        "repeat": record.get("command"),
    }


def _examples(record: RunRecord) -> str:
    """How many examples there are, and how many were not read as one whole."""
    task = record["task"]
    counts = {
        "windowed in test": task.get("n_windowed"),
        "truncated in test": task.get("n_truncated"),
        "malformed and left out": task["n_skipped"],
    }
    found = [f"{count} {what}" for what, count in counts.items() if count]
    return "; ".join([f"{task['n_train']} train, {task['n_dev']} dev, {task['n_test']} test", *found])
