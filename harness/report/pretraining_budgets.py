"""A table of pretrained encoders at equal tokens, equal operations and equal training time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from harness.pretraining.budgets import AtBudget, Measure, common_budget, loss_at, measure_of_time
from harness.pretraining.labels import label_of
from harness.progress import duration
from harness.report.table import Column, Look, Table, frame_of
from harness.store.record import PretrainingRecord

NOTES = (
    "Held-out loss in nats a token, of each encoder at the learning rate with the lowest loss, averaged over pretraining seeds.",
    "Each column gives all encoders the largest budget that every one of them has reached, from each seed.",
    "Between results of several lengths the loss is interpolated in the logarithm of the budget.",
)
ON_CURVE = (
    "*: read off the curve of a longer run, whose learning rate had not fallen to zero; a finished run would be lower."
)
PROCESSOR_TIME = "Processor time is that of all threads of training; waiting does not count, other work on the machine can make it longer."


def budget_table(records: Sequence[PretrainingRecord], name: str) -> Table | None:
    """The table of comparable pretrainings; ``None`` if they are of a single encoder.

    Args:
        records: of the same corpus and held-out rows, see `harness.report.pretraining.by_corpus`.
        name: of the table.
    """
    encoders = at_best_rate(records)
    if len(encoders) < 2:
        return None
    time = measure_of_time(record for results in encoders.values() for record in results)
    measures: tuple[Measure, ...] = ("tokens", "flops", time)
    budgets = {measure: common_budget(encoders, measure) for measure in measures}
    found = {
        label: {measure: loss_at(results, measure, budgets[measure]) for measure in measures}
        for label, results in encoders.items()
    }
    rows = [
        {"encoder": label, "lr": encoders[label][0]["recipe"]["learning_rate"]}
        | {measure: _text(losses[measure]) for measure in measures}
        for label, losses in found.items()
    ]
    columns = (Column("encoder"), Column("lr", "{:g}", number=True), *_columns(budgets))
    on_curve = any(not one.finished for losses in found.values() for one in losses.values())
    notes = (*NOTES, *[PROCESSOR_TIME] * (time == "processor_s"), *[ON_CURVE] * on_curve)
    looks = _lowest(list(found.values()))
    return Table(frame_of(rows), columns, name, "Equal budgets", notes, looks, "Bold: lowest held-out loss")


def _lowest(rows: Sequence[Mapping[Measure, AtBudget]]) -> dict[tuple[int, str], Look]:
    """Marks the lowest loss of each column."""
    lowest = {measure: min(losses[measure].loss for losses in rows) for measure in rows[0]}
    return {
        (number, measure): "best"
        for number, losses in enumerate(rows)
        for measure, found in losses.items()
        if found.loss == lowest[measure]
    }


def _columns(budgets: dict[Measure, float]) -> tuple[Column, ...]:
    heads: dict[Measure, Callable[[float], str]] = {
        "tokens": lambda tokens: f"at {tokens / 1e6:.3g}M tokens",
        "flops": lambda flops: f"at {flops / 1e15:.3g} PFLOP",
        "seconds": lambda seconds: f"after {duration(seconds)}",
        "processor_s": lambda seconds: f"after {duration(seconds)} of processor time",
    }
    return tuple(Column(measure, number=True, head=heads[measure](budget)) for measure, budget in budgets.items())


def _text(found: AtBudget) -> str:
    return f"{found.loss:.3f}" + ("" if found.finished else "*")


def at_best_rate(records: Sequence[PretrainingRecord]) -> dict[str, list[PretrainingRecord]]:
    """The results of each encoder at the learning rate with the lowest loss at its longest, by label.

    Only results of the longest run's recipe are taken: branches and other seeds of it.
    """
    by_encoder: dict[str, list[PretrainingRecord]] = defaultdict(list)
    for record in records:
        by_encoder[label_of(record)].append(record)
    chosen = {}
    for label, results in sorted(by_encoder.items()):
        longest = max(record["recipe"]["tokens"] for record in results)
        of_longest = [record for record in results if record["recipe"]["tokens"] == longest]
        best = min(of_longest, key=lambda record: record["scores"]["heldout"]["loss"])
        chosen[label] = [record for record in results if _settings(record) == _settings(best)]
    return chosen


def _settings(record: PretrainingRecord) -> dict[str, object]:
    """Everything in the recipe that all branches and seeds of a run share, and a shorter run with as many steps of warm-up."""
    differ = ("tokens", "steps", "trunk_tokens", "trunk_steps", "passes_read", "points", "warmup")
    return {name: value for name, value in record["recipe"].items() if name not in differ}
