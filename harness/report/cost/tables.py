"""Tables of a bench: for the terminal, for a page (Markdown) and for a program (CSV)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table as RichTable

from harness.comparison.names import size_of
from harness.plain_text import plain
from harness.progress import counted
from harness.report.cost.curves import (
    best_batches,
    by_best_batch,
    by_setting,
    crossovers,
    curve,
    disturbed,
    exponent,
    models_of,
    name_of,
    peak_mib,
    ratios,
)
from harness.report.table import Column, Table, as_csv, as_rich, frame_of, markdown_grid
from harness.store.record import QUANTILES, Calibration, MeasuredPoint, PointRecord, Quantiles
from harness.terminal import drawn
from harness.text_file import write_whole


def rows(records: Sequence[PointRecord], baseline: str) -> pd.DataFrame:
    """One row for each point: the data behind the figures."""
    to_baseline = {model: ratios(records, model, baseline) for model in models_of(records)}
    ordered = sorted(records, key=lambda record: (name_of(record), record["point"]["length"]))
    return frame_of(_row(record, to_baseline[name_of(record)]) for record in ordered)


def _row(record: PointRecord, to_baseline: Mapping[int, tuple[float, float, float]]) -> dict[str, object]:
    point, flops = record["point"], record["flops"]
    ratio = to_baseline.get(point["length"], (None, None, None))
    return {
        "model": name_of(record),
        "encoder": point["model"],
        "engine": "compile" if point["compiled"] else point.get("engine", "torch"),
        "quantize": point.get("quantize", "none"),
        "size": size_of(record["model"]),
        "mode": point["mode"],
        "length": point["length"],
        "batch_size": point["batch_size"],
        "precision": point["precision"],
        "attention": point["attention_used"],
        "threads": point["threads"],
        "positions_extended": point["extended"],
        "status": record["status"],
        "reason": record["error"],
        "repetitions": len(record["latency_ms"]["samples"]) if record["status"] == "ok" else 0,
        **_quantile_columns("latency_ms", record["latency_ms"]),
        "latency_ms_p99": p99_ms(record),
        **_quantile_columns("tokens_per_s", record["tokens_per_s"]),
        "peak_memory_above_loaded_mib": peak_mib(record),
        "weights_mib": record["model"].get("weights_mib"),
        "disk_mib": record["model"].get("disk_mib"),
        "params_non_embedding": record["model"].get("params_non_embedding"),
        "flops_needed": flops["needed"] if flops else None,
        "flops_executed": flops["executed"] if flops else None,
        "fraction_of_peak": record["fraction_of_peak"],
        "ratio_to_baseline": ratio[0],
        "ratio_low": ratio[1],
        "ratio_high": ratio[2],
        "processor_taken_by_others": record.get("processor_taken_by_others"),
        **{f"joules_per_call_{name}": value for name, value in record["joules_per_call"].items()},
        "machine": point["machine"],
    }


def p99_ms(record: PointRecord) -> float | None:
    """The latency that 99 of 100 calls stay within, in ms; of fewer than 100 calls it is about the greatest."""
    return float(np.quantile(record["latency_ms"]["samples"], 0.99)) if record["status"] == "ok" else None


def _quantile_columns(name: str, found: Quantiles | None) -> dict[str, float | None]:
    return {f"{name}_{quantile}": found[quantile] if found else None for quantile in QUANTILES}


def _number(value: float) -> str:
    """Three digits and more: 0.123, 12.3, 1,234."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _latency(found: tuple[float, float, float, float]) -> str:
    middle, low, high, highest = found
    return f"{_number(middle)} ({_number(low)} to {_number(high)}, {_number(highest)})"


def _columns(baseline: str) -> tuple[Column, ...]:
    return (
        Column("model"),
        Column("tokens", number=True),
        Column("tokens/s", "{:,.0f}", number=True),
        Column("latency", _latency, number=True, head="latency ms (p10 to p90, p99)"),
        Column("memory", _number, number=True, head="MiB above model"),
        Column("disk", _number, number=True, head="MiB on disk"),
        Column("of peak", "{:.1%}", number=True),
        Column("ratio", "{:.2f}", number=True, head=f"ratio to {baseline}"),
        Column("status"),
    )


def table_of(records: Sequence[PointRecord], baseline: str, title: str = "") -> Table:
    """The table of one setting as a person reads it."""
    shown = frame_of(_shown(row) for row in rows(records, baseline).to_dict("records"))
    return Table(shown, _columns(baseline), title=title, section="model")


def _shown(row: Mapping[Any, Any]) -> dict[str, object]:
    length = f"{row['length']:,}" + (f" x {row['batch_size']}" if row["batch_size"] > 1 else "")
    if row["status"] != "ok":
        why = f"{row['status']}: {row['reason']}" if row["reason"] else str(row["status"])
        return {"model": row["model"], "tokens": length, "status": why}
    return {
        "model": row["model"],
        "tokens": length,
        "tokens/s": row["tokens_per_s_median"],
        "latency": tuple(row[f"latency_ms_{quantile}"] for quantile in (*QUANTILES, "p99")),
        "memory": row["peak_memory_above_loaded_mib"],
        "disk": row["disk_mib"],
        "of peak": row["fraction_of_peak"],
        "ratio": row["ratio_to_baseline"],
        "status": "ok, positions extended" if row["positions_extended"] else "ok",
    }


def as_text(records: Sequence[PointRecord], baseline: str) -> str:
    """The table for the terminal, and the crossovers."""
    parts: list[RichTable | str] = []
    several = by_best_batch(records)
    summarised = {id(record) for group in several.values() for record in group}
    for name, group in several.items():
        parts.append(as_rich(best_batch_table(group, name)))
    for name, group in by_setting(record for record in records if id(record) not in summarised).items():
        parts.append(as_rich(table_of(group, baseline, name)))
        if noisy := disturbed(group):
            parts.append(_disturbed(len(noisy)))
        parts += crossover_sentences(group)
    return drawn(*parts)


def best_batch_table(records: Sequence[PointRecord], title: str = "") -> Table:
    """Latency with the smallest batch and the best throughput over batches, by model and length: two different questions."""
    columns = (
        Column("model"),
        Column("tokens", "{:,}", number=True),
        Column("latency", _number, number=True, head="latency ms at the smallest batch"),
        Column("smallest", number=True, head="batch"),
        Column("best", "{:,.0f}", number=True, head="best tokens/s"),
        Column("batch", number=True, head="at batch"),
        Column("gain", "{:.2f}", number=True, head="gain over the smallest"),
        Column("tried"),
    )
    return Table(best_batch_rows(records), columns, title=title, section="model")


def best_batch_rows(records: Sequence[PointRecord]) -> pd.DataFrame:
    """The rows of `best_batch_table`."""
    best = {(name_of(record), record["point"]["length"]): record for record in best_batches(records)}
    places = sorted({(name_of(record), record["point"]["length"]) for record in records})
    return frame_of(_best_batch_row(place, records, best.get(place)) for place in places)


def _best_batch_row(
    place: tuple[str, int], records: Sequence[PointRecord], best: MeasuredPoint | None
) -> dict[str, object]:
    here = [record for record in records if (name_of(record), record["point"]["length"]) == place]
    here.sort(key=lambda record: record["point"]["batch_size"])
    tried = [
        str(record["point"]["batch_size"]) + ("" if record["status"] == "ok" else f" {record['status']}")
        for record in here
    ]
    row: dict[str, object] = {"model": place[0], "tokens": place[1], "tried": ", ".join(tried)}
    smallest = next((record for record in here if record["status"] == "ok"), None)
    if best is None or smallest is None or smallest["status"] != "ok":
        return row
    return row | {
        "latency": smallest["latency_ms"]["median"],
        "smallest": smallest["point"]["batch_size"],
        "best": best["tokens_per_s"]["median"],
        "batch": best["point"]["batch_size"],
        "gain": best["tokens_per_s"]["median"] / smallest["tokens_per_s"]["median"],
    }


def _disturbed(points: int) -> str:
    return f"{counted(points, 'point')} disturbed: other work took a tenth of the processor or more"


def crossover_sentences(records: Sequence[PointRecord]) -> list[str]:
    """``avey-b overtakes modernbert at about 2,100 tokens (measured at 512 and 2,048)``, where it exceeds the spread."""
    return [
        f"{found.faster} overtakes {found.slower} at about {_round(found.length):,} tokens "
        f"(measured at {found.between[0]:,} and {found.between[1]:,})"
        for found in crossovers(records)
        if found.beyond_spread
    ]


def _round(length: float) -> int:
    """Rounded to two digits: more are not known between two measurements."""
    return int(float(f"{length:.2g}"))


def as_markdown(name: str, records: Sequence[PointRecord], baseline: str, command: str | None) -> str:
    """The page of one setting: what was measured on what, the table, exponents and crossovers."""
    parts = [
        f"# Cost against length: {name}",
        "\n".join(sentence for sentence in _conditions(records) if sentence),
        f"```\n{command}\n```" if command else "",
        markdown_grid(table_of(records, baseline)),
        "Growth with the length, fitted over the three longest texts (two where there are no more):",
        markdown_grid(_growth(records)),
        "Crossovers:\n\n" + "\n".join(f"- {sentence}" for sentence in crossover_sentences(records) or ["none"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(records: Sequence[PointRecord]) -> list[str]:
    """How and on what these points were measured, one sentence each."""
    first = next((record for record in records if record["status"] == "ok"), records[0])
    point, environment, limits = first["point"], first["environment"], first["limits"]
    code = (
        f"Python {environment['python']}, code {environment.get('git_revision') or 'installed'}." if environment else ""
    )
    noisy = len(disturbed(records))
    return [
        f"Machine: {point['machine']}, {counted(point['threads'], 'thread')}.",
        _rates_of(first.get("calibration")),
        code,
        f"Ids: {point['ids']} ({point['vocabulary']:,} ids), equal for all models; "
        + ("their own weights." if point.get("weights") else "random weights."),
        f"Loss: {point['objective']}." if point["objective"] else "",
        f"Each point ran in a fresh process: warm-up, then at least {limits['min_repetitions']} repetitions and "
        f"{limits['min_seconds']:g} s; median with p10 and p90; at most {limits['timeout_s']:g} s a point.",
        "`MiB above model` is the peak of resident memory above that of the loaded model; `of peak` is the operations that the "
        "architecture needs, over the calibrated rate of matrix products.",
        _about_engines(records),
        "Points with positions extended are beyond the model's own length and show its cost only.",
        f"**{_disturbed(noisy)}.**" if noisy else "",
    ]


def _about_engines(records: Sequence[PointRecord]) -> str:
    """What a reader must know about engines other than torch in these records."""
    sentences = []
    if any(record["point"]["compiled"] for record in records):
        sentences.append("That includes what torch.compile took.")
    if any(record["point"].get("engine", "torch") != "torch" for record in records):
        sentences.append(
            "Engines outside of torch run the model exported to ONNX with open batch and length, on the CPU."
        )
    if any(record["point"].get("quantize") == "int8" for record in records):
        sentences.append(
            "int8: dynamic quantisation without calibration data. What it costs in quality is not measured here."
        )
    return " ".join(sentences)


def _growth(records: Sequence[PointRecord]) -> Table:
    """The power of the length with which latency and memory grow."""
    rows = []
    for model in models_of(records):
        points = curve(records, model)
        lengths = [record["point"]["length"] for record in points]
        latency = exponent(lengths, [record["latency_ms"]["median"] for record in points])
        memory = exponent(lengths, [peak_mib(record) or 0.0 for record in points])
        rows.append({"model": model, "latency": latency, "memory above model": memory})
    powers = (Column(name, "L^{:.2f}") for name in ("latency", "memory above model"))
    return Table(frame_of(rows), (Column("model"), *powers))


def _rates_of(calibration: Calibration | None) -> str:
    if not calibration:
        return "Not calibrated."
    rates = calibration["matmul_flops_per_s"]
    return (
        f"Calibrated right before: {rates['fp32'] / 1e9:,.0f} GFLOP/s fp32 and {rates['bf16'] / 1e9:,.0f} GFLOP/s bf16 in "
        f"matrix products, {calibration['memory_bytes_per_s'] / 1e9:.1f} GB/s memory."
    )


def write(records: Sequence[PointRecord], baseline: str, folder: Path, command: str | None = None) -> list[Path]:
    """Write the tables of every setting in these records; returns the files.

    Args:
        records: of a bench.
        baseline: the model of the ratios.
        folder: made where it is missing.
        command: what made the records, printed on the page.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, group in by_setting(records).items():
        crossing = [
            {
                "faster": found.faster,
                "slower": found.slower,
                "tokens": found.length,
                "after": found.between[0],
                "before": found.between[1],
                "beyond_spread": found.beyond_spread,
            }
            for found in crossovers(group)
        ]
        contents = {
            f"{name}.md": as_markdown(name, group, baseline, command),
            f"{name}.csv": as_csv(rows(group, baseline)),
            f"{name}-crossovers.csv": as_csv(frame_of(crossing)) if crossing else "",
        }
        files += _written(contents, folder)
    for name, group in by_best_batch(records).items():
        table = markdown_grid(best_batch_table(group))
        files += _written(
            {
                f"{name}.md": f"# Latency and throughput by batch: {name}\n\n{table}\n",
                f"{name}.csv": as_csv(best_batch_rows(group)),
            },
            folder,
        )
    return files


def _written(contents: Mapping[str, str], folder: Path) -> list[Path]:
    return [write_whole(folder / file, plain(content)) for file, content in contents.items()]
