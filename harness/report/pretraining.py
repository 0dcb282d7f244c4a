"""What a report shows of pretraining: a table of the runs, and held-out loss against tokens with what counting reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.pretraining.figure import draw_curves
from harness.progress import duration
from harness.report.files.tables import Cell, Table
from harness.report.page import svg
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


def table_of(records: Sequence[PretrainingRecord], name: str) -> Table:
    """The table of comparable pretrainings."""
    head = (
        "encoder",
        "tokens",
        "lr",
        "seed",
        "nats a token",
        "bits a byte",
        "accuracy",
        "5 nats",
        "PFLOP",
        "time",
        "tokens/s",
        "MFU",
        "plateau",
    )
    lowest = min(record["scores"]["heldout"]["loss"] for record in records)
    baselines = "; ".join(f"{kind} {found['loss']:.3f}" for kind, found in records[0]["baselines"].items())
    title = f"{records[0]['task']['dataset']}, {records[0]['task']['fingerprint'][:12]} (counting, nats a token: {baselines})"
    return Table(name, title, NOTES, head, tuple(_row(record, lowest) for record in records))


def _row(record: PretrainingRecord, lowest: float) -> tuple[Cell, ...]:
    heldout, throughput, reached = record["scores"]["heldout"], record["throughput"], record["tokens_to_5_nats"]
    return (
        Cell(label_of(record)),
        Cell(f"{record['recipe']['tokens'] / 1e6:.2f}M"),
        Cell(f"{record['recipe']['learning_rate']:g}"),
        Cell(str(record["seed"])),
        Cell(f"{heldout['loss']:.3f}", "best" if heldout["loss"] == lowest else ""),
        Cell(f"{heldout['bits_per_byte']:.3f}"),
        Cell(f"{heldout['accuracy']:.3f}"),
        Cell(f"{reached / 1e6:.2f}M" if reached else "never"),
        Cell(f"{record['flops'] / 1e15:.3g}"),
        Cell(duration(record["seconds"]["train"])),
        Cell(f"{throughput['tokens_per_s']:,.0f}" if throughput["tokens_per_s"] else "-"),
        Cell(f"{throughput['mfu']:.2f}" if throughput["mfu"] else "-"),
        Cell("yes" if record["on_plateau"] else "left"),
    )


def label_of(record: PretrainingRecord) -> str:
    """Encoder and size, with the config values that were changed."""
    model = record["model"]
    options = "".join(f" {name}={value}" for name, value in (model.get("options") or {}).items())
    return f"{model['name']} {model['size']}{options}"


def write_figures(records: Sequence[PretrainingRecord], folder: Path) -> list[Path]:
    """One figure for each group of comparable pretrainings, as PNG and SVG; returns the files.

    Raises:
        OSError: the folder cannot be written.
    """
    files = []
    for number, group in enumerate(by_corpus(records), start=1):
        for suffix in (".png", ".svg"):
            folder.mkdir(parents=True, exist_ok=True)
            files.append(folder / f"pretraining-{number}{suffix}")
            draw_curves(group, files[-1])
    return files


def sections(records: Sequence[PretrainingRecord], numbered: Mapping[str, int]) -> list[dict[str, Any]]:
    """What the page shows: for each group a chart, its legend and the table."""
    return [_section(group, numbered, number) for number, group in enumerate(by_corpus(records), start=1)]


def _section(group: Sequence[PretrainingRecord], numbered: Mapping[str, int], number: int) -> dict[str, Any]:
    series = [
        svg.Series(numbered[record["model"]["name"]], [_point(record, point) for point in record["curve"]], joined=True)
        for record in group
    ]
    tokens = [point["tokens"] / 1e6 for record in group for point in record["curve"]]
    losses = [point["loss"] for record in group for point in record["curve"]]
    description = "held-out loss against pretraining tokens; the table below has the last values"
    chart = svg.chart(
        series, svg.linear(tokens), svg.linear(losses), "million tokens →", "held-out loss, nats a token", description
    )
    legend = sorted({(numbered[record["model"]["name"]], record["model"]["name"]) for record in group})
    return {"table": table_of(group, f"pretraining-{number}"), "chart": chart, "legend": legend}


def _point(record: PretrainingRecord, point: Mapping[str, float]) -> svg.Point:
    text = f"{label_of(record)}, lr {record['recipe']['learning_rate']:g}, {point['tokens']:,} tokens: {point['loss']:.3f} nats"
    return svg.Point(point["tokens"] / 1e6, point["loss"], point["loss"], point["loss"], text)
