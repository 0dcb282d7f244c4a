"""A sweep on the terminal: its cells before it runs; then the chosen learning rates, test scores and failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from harness.comparison.entries import Entry
from harness.report.recipe_words import rate_of
from harness.report.table import Column, Look, Table, as_rich, frame_of
from harness.store.record import OWN_SIZE, FailureRecord, RunRecord
from harness.terminal import drawn

# The first column heads a row that is too wide for the terminal, see `harness.terminal.drawn`.
_CELLS = (
    Column("model"),
    Column("task"),
    Column("lr", number=True),
    Column("seed", number=True),
    Column("status"),
    Column("about", number=True),
)
_RESULTS = (
    Column("task", once=True),
    Column("model"),
    Column("metric"),
    Column("lr", "{:g}", number=True, missing="-"),
    Column("dev", "{:.4f}", number=True),
    Column("test", "{:.4f}", number=True),
    Column("range", number=True, head="lowest to highest"),
    Column("seeds", number=True),
)


def cells_as_text(rows: Sequence[tuple[str, ...]]) -> str:
    """The cells of a sweep: model, task, learning rate, seed, status and an estimate of the time."""
    names = [column.name for column in _CELLS]
    return drawn(as_rich(Table(frame_of(dict(zip(names, row, strict=True)) for row in rows), _CELLS)))


def results_as_text(entries: Sequence[Entry], asked: Callable[[Entry], int]) -> str:
    """For every model on every task: the learning rate that was best on dev, and the test scores at it.

    Args:
        entries: see `harness.comparison.entries.entries`.
        asked: how many runs of an entry the sweep has, done or not.
    """
    rows = frame_of(_result(entry, asked(entry)) for entry in entries)
    looks: dict[tuple[int, str], Look] = {(number, "test"): "strong" for number in range(len(entries))}
    table = Table(rows, _RESULTS, looks=looks, section="task")
    lines = [
        f"  {entry.where}, {entry.label}: "
        + ", ".join(f"{rate:g} {score:.4f}" for rate, score in entry.dev_by_learning_rate.items())
        for entry in entries
        if len(entry.dev_by_learning_rate) > 1 and not entry.trained_on
    ]
    chosen = "Median over seeds. The learning rate has the best median on dev; test scores were read after that choice."
    doubts = dict.fromkeys(
        f"{entry.label} fails checks of conformance: {'; '.join(entry.doubts)}." for entry in entries if entry.doubts
    )
    return drawn(as_rich(table), chosen, *doubts, *(["Dev by learning rate:", *lines] if lines else []))


def _result(entry: Entry, wanted: int) -> dict[str, object]:
    scores = entry.scores()
    return {
        "task": entry.where,
        "model": entry.label if entry.size in ("tiny", OWN_SIZE) else f"{entry.label} {entry.size}",
        "metric": entry.metric,
        "lr": rate_of(entry),
        "dev": entry.dev_by_learning_rate.get(entry.learning_rate),
        "test": median(scores),
        "range": f"{min(scores):.4f} to {max(scores):.4f}" if len(scores) > 1 else None,
        "seeds": len(scores) if len(scores) >= wanted else f"{len(scores)} of {wanted}",
    }


def failures_as_text(failures: Sequence[tuple[str, FailureRecord]]) -> str:
    """The cells that failed, by name, and why."""
    rows = ({"failed cell": name, "status": record["status"], "why": str(record["error"])} for name, record in failures)
    return drawn(as_rich(Table(frame_of(rows), [Column(name) for name in ("failed cell", "status", "why")])))


def threads_note(records: Sequence[RunRecord]) -> str | None:
    """A warning if runs used different numbers of threads, which round differently."""
    threads = sorted({record["environment"].get("threads") or 0 for record in records})
    if len(threads) < 2:
        return None
    counts = ", ".join(map(str, threads))
    return f"the runs had different numbers of threads ({counts}), so they would not repeat each other bit for bit"


def as_json(entries: Sequence[Entry], failures: Sequence[tuple[str, FailureRecord]]) -> dict[str, object]:
    """The same for programs."""
    return {
        "entries": [
            {
                "model": entry.model,
                "size": entry.size,
                "weights": entry.weights,
                "dataset": entry.dataset,
                **({"trained_on": entry.trained_on["dataset"]} if entry.trained_on else {}),
                "metric": entry.metric,
                "learning_rate": entry.learning_rate,
                "dev_by_learning_rate": {f"{rate:g}": score for rate, score in entry.dev_by_learning_rate.items()},
                "seeds": [run["seed"] for run in entry.runs],
                "test": entry.scores(),
            }
            for entry in entries
        ],
        "failures": [{"cell": name, "status": record["status"], "error": record["error"]} for name, record in failures],
    }
