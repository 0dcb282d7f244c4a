"""Pretraining in a report: a table of the runs, and held-out loss against tokens beside counting baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from harness.pretraining.labels import labels_of
from harness.progress import duration
from harness.report.page import svg
from harness.report.pretraining_budgets import budget_table
from harness.report.table import Column, Look, Table, frame_of
from harness.store.record import PretrainingRecord

NOTES = (
    "Held-out loss at 15 % fixed masks, the same rows for every encoder of one corpus and tokenizer.",
    "5 nats: tokens after which the held-out loss first was 5 nats a token.",
    "On the plateau: no better than counting neighbouring words (bigram).",
)


def by_corpus(records: Sequence[PretrainingRecord]) -> list[list[PretrainingRecord]]:
    """Pretrainings whose losses can be compared: of the same tokens and the same held-out rows, the longest run first."""

    def group(record: PretrainingRecord) -> tuple[str, ...]:
        task, recipe = record["task"], record["recipe"]
        return task["dataset"], task["fingerprint"], str(recipe["eval_tokens"]), str(min(recipe["rows"]))

    def order(record: PretrainingRecord) -> tuple[Any, ...]:
        return group(record), -record["recipe"]["tokens"], record["model"]["name"], record["recipe"]["learning_rate"]

    return [list(members) for _, members in groupby(sorted(records, key=order), key=group)]


def _tokens(count: float) -> str:
    return f"{count / 1e6:.2f}M"


COLUMNS = (
    Column("encoder"),
    Column("tokens", _tokens, number=True),
    Column("lr", "{:g}", number=True),
    Column("seed", number=True),
    Column("nats a token", "{:.3f}", number=True),
    Column("bits a byte", "{:.3f}", number=True),
    Column("accuracy", "{:.3f}", number=True),
    Column("5 nats", _tokens, number=True, missing="never"),
    Column("PFLOP", "{:.3g}", number=True),
    Column("time", duration, number=True),
    Column("tokens/s", "{:,.0f}", number=True, missing="-"),
    Column("MFU", "{:.2f}", number=True, missing="-"),
    Column("plateau", number=True),
)


_IN_COLUMNS = ("tokens", "learning_rate", "seed")


def table_of(records: Sequence[PretrainingRecord], name: str) -> Table:
    """The table of comparable pretrainings."""
    lowest = min(record["scores"]["heldout"]["loss"] for record in records)
    baselines = "; ".join(f"{kind} {found['loss']:.3f}" for kind, found in records[0]["baselines"].items())
    title = f"{records[0]['task']['dataset']}, {records[0]['task']['fingerprint'][:12]} (counting, nats a token: {baselines})"
    best = [number for number, record in enumerate(records) if record["scores"]["heldout"]["loss"] == lowest]
    looks: dict[tuple[int, str], Look] = {(number, "nats a token"): "best" for number in best}
    return Table(
        frame_of(map(_row, records, labels_of(records, shown=_IN_COLUMNS))),
        COLUMNS,
        name,
        title,
        NOTES,
        looks,
        "Bold: lowest held-out loss",
    )


def tables(records: Sequence[PretrainingRecord]) -> list[Table]:
    """For each group of comparable pretrainings its table, and that of equal budgets if there are several encoders."""
    found = []
    for number, group in enumerate(by_corpus(records), start=1):
        name = f"pretraining-{number}"
        found += [table_of(group, name), budget_table(group, f"{name}-budgets")]
    return [table for table in found if table is not None]


def _row(record: PretrainingRecord, label: str) -> dict[str, object]:
    heldout, throughput = record["scores"]["heldout"], record["throughput"]
    return {
        "encoder": label,
        "tokens": record["recipe"]["tokens"],
        "lr": record["recipe"]["learning_rate"],
        "seed": record["seed"],
        "nats a token": heldout["loss"],
        "bits a byte": heldout["bits_per_byte"],
        "accuracy": heldout["accuracy"],
        "5 nats": record["tokens_to_5_nats"] or None,
        "PFLOP": record["flops"] / 1e15,
        "time": record["seconds"]["train"],
        "tokens/s": throughput["tokens_per_s"] or None,
        "MFU": throughput["mfu"] or None,
        "plateau": "yes" if record["on_plateau"] else "left",
    }


def sections(records: Sequence[PretrainingRecord], numbered: Mapping[str, int]) -> list[dict[str, Any]]:
    """The page's sections: for each group a chart, its legend and the table."""
    return [_section(group, numbered, number) for number, group in enumerate(by_corpus(records), start=1)]


def _section(group: Sequence[PretrainingRecord], numbered: Mapping[str, int], number: int) -> dict[str, Any]:
    series = [
        svg.Series(numbered[record["model"]["name"]], [_point(label, point) for point in record["curve"]], joined=True)
        for record, label in zip(group, labels_of(group), strict=True)
    ]
    tokens = [point["tokens"] / 1e6 for record in group for point in record["curve"]]
    losses = [point["loss"] for record in group for point in record["curve"]]
    description = "held-out loss against pretraining tokens; the table below has the last values"
    chart = svg.chart(
        series, svg.linear(tokens), svg.linear(losses), "million tokens →", "held-out loss, nats a token", description
    )
    legend = sorted({(numbered[record["model"]["name"]], record["model"]["name"]) for record in group})
    name = f"pretraining-{number}"
    return {
        "table": table_of(group, name),
        "budgets": budget_table(group, f"{name}-budgets"),
        "chart": chart,
        "legend": legend,
    }


def _point(label: str, point: Mapping[str, float]) -> svg.Point:
    text = f"{label}: after {point['tokens']:,} tokens {point['loss']:.3f} nats"
    return svg.Point(point["tokens"] / 1e6, point["loss"], point["loss"], point["loss"], text)
