"""Tables of a bench: for the terminal, for a page (Markdown) and for a program (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from harness.plain_text import plain
from harness.progress import counted
from harness.report.cost.curves import (
    by_setting,
    crossovers,
    curve,
    disturbed,
    exponent,
    models_of,
    peak_mib,
    ratios,
)
from harness.store.record import QUANTILES, PointRecord, Quantiles
from harness.terminal import drawn


def rows(records: Sequence[PointRecord], baseline: str) -> list[dict[str, Any]]:
    """One flat row a point: the data behind the figures."""
    to_baseline = {model: ratios(records, model, baseline) for model in models_of(records)}
    ordered = sorted(records, key=lambda record: (record["point"]["model"], record["point"]["length"]))
    return [_row(record, to_baseline[record["point"]["model"]]) for record in ordered]


def _row(record: PointRecord, to_baseline: Mapping[int, tuple[float, float, float]]) -> dict[str, Any]:
    point, flops = record["point"], record["flops"]
    ratio = to_baseline.get(point["length"], (None, None, None))
    return {
        "model": point["model"],
        "size": point["size"],
        "mode": point["mode"],
        "length": point["length"],
        "batch_size": point["batch_size"],
        "precision": point["precision"],
        "attention": point["attention_used"],
        "compiled": point["compiled"],
        "threads": point["threads"],
        "positions_extended": point["extended"],
        "status": record["status"],
        "reason": record["error"],
        "repetitions": len(record["latency_ms"]["samples"]) if record["status"] == "ok" else 0,
        **_quantile_columns("latency_ms", record["latency_ms"]),
        **_quantile_columns("tokens_per_s", record["tokens_per_s"]),
        "peak_memory_above_loaded_mib": peak_mib(record),
        "weights_mib": record["model"].get("weights_mib"),
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


def _quantile_columns(name: str, found: Quantiles | None) -> dict[str, float | None]:
    return {f"{name}_{quantile}": found[quantile] if found else None for quantile in QUANTILES}


def as_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV; numbers in full, what is absent empty, and no text that a spreadsheet runs as a formula."""
    columns = list(dict.fromkeys(column for row in table for column in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_spreadsheet_safe(column) for column in columns])
    writer.writerows([_spreadsheet_safe(row.get(column)) for column in columns] for row in table)
    return out.getvalue()


def _spreadsheet_safe(value: Any) -> Any:
    """A text that begins like a formula gets an apostrophe before it, as OWASP advises (CSV injection)."""
    if not isinstance(value, str) or _is_number(value):
        return value
    return f"'{plain(value)}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else plain(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_COLUMNS = ("model", "tokens", "tokens/s", "latency ms (p10 to p90)", "MiB above model", "of peak", "ratio", "status")


def _cells(row: Mapping[str, Any]) -> list[str]:
    """A row as a person reads it."""
    length = f"{row['length']:,}" + (f" x {row['batch_size']}" if row["batch_size"] > 1 else "")
    if row["status"] != "ok":
        return [row["model"], length, "", "", "", "", "", _why(row)]
    latency = (
        f"{_number(row['latency_ms_median'])} ({_number(row['latency_ms_p10'])} to {_number(row['latency_ms_p90'])})"
    )
    memory, share, ratio = row["peak_memory_above_loaded_mib"], row["fraction_of_peak"], row["ratio_to_baseline"]
    return [
        row["model"],
        length,
        f"{row['tokens_per_s_median']:,.0f}",
        latency,
        "" if memory is None else _number(memory),
        "" if share is None else f"{share:.1%}",
        "" if ratio is None else f"{ratio:.2f}",
        "ok, positions extended" if row["positions_extended"] else "ok",
    ]


def _why(row: Mapping[str, Any]) -> str:
    return f"{row['status']}: {row['reason']}" if row["reason"] else str(row["status"])


def _number(value: float) -> str:
    """Three digits and more: 0.123, 12.3, 1,234."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_text(records: Sequence[PointRecord], baseline: str) -> str:
    """The table for the terminal, and the crossovers."""
    parts: list[Table | str] = []
    for name, group in by_setting(records).items():
        table = Table(title=name)
        for column in _COLUMNS:
            named = f"ratio to {baseline}" if column == "ratio" else column
            table.add_column(named, justify="left" if column in ("model", "status") else "right")
        previous = None
        for row in rows(group, baseline):
            if previous not in (None, row["model"]):
                table.add_section()
            previous = row["model"]
            table.add_row(*_cells(row))
        parts.append(table)
        if noisy := disturbed(group):
            parts.append(f"{counted(len(noisy), 'point')} disturbed: other work took a tenth of the processor or more")
        parts += crossover_sentences(group)
    return drawn(*parts)


def crossover_sentences(records: Sequence[PointRecord]) -> list[str]:
    """``avey-b overtakes modernbert at about 2,100 tokens (measured at 512 and 2,048)``, where no spread blurs it."""
    return [
        f"{found.faster} overtakes {found.slower} at about {_round(found.length):,} tokens "
        f"(measured at {found.between[0]:,} and {found.between[1]:,})"
        for found in crossovers(records)
        if found.beyond_spread
    ]


def _round(length: float) -> int:
    """Two digits, since no more are known between two measurements."""
    return int(float(f"{length:.2g}"))


def as_markdown(name: str, records: Sequence[PointRecord], baseline: str, command: str | None) -> str:
    """The page of one setting: what was measured on what, the table, exponents and crossovers."""
    first = next((record for record in records if record["status"] == "ok"), records[0])
    point, environment, limits = first["point"], first["environment"], first["limits"]
    ratio_column = [f"ratio to {baseline}" if column == "ratio" else column for column in _COLUMNS]
    parts = [
        f"# Cost against length: {name}",
        _paragraph(
            [
                f"Machine: {point['machine']}, {counted(point['threads'], 'thread')}.",
                _rates_of(first.get("calibration")),
                f"Python {environment['python']}, code {environment.get('git_revision') or 'installed'}."
                if environment
                else "",
                f"Ids: {point['ids']} ({point['vocabulary']:,} ids), equal for all models; random weights.",
                f"Loss: {point['objective']}." if point["objective"] else "",
                f"Each point ran in a fresh process: warm-up, then at least {limits['min_repetitions']} repetitions and "
                f"{limits['min_seconds']:g} s; median with p10 and p90; at most {limits['timeout_s']:g} s a point.",
                "`MiB above model` is the peak of resident memory above that of the loaded model; `of peak` is the operations "
                "that the architecture needs, over the calibrated rate of matrix products.",
                "That includes what torch.compile took." if point["compiled"] else "",
                "Points with positions extended are beyond the model's own length and tell its cost alone.",
                f"**{counted(len(noisy), 'point')} disturbed: other work took a tenth of the processor or more.**"
                if (noisy := disturbed(records))
                else "",
            ]
        ),
        f"```\n{command}\n```" if command else "",
        _markdown_table(ratio_column, [_cells(row) for row in rows(records, baseline)]),
        "Growth with the length, fitted over the three longest texts (two where there are no more):",
        _markdown_table(["model", "latency", "memory above model"], _exponents(records)),
        "Crossovers:\n\n" + "\n".join(f"- {sentence}" for sentence in crossover_sentences(records) or ["none"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _exponents(records: Sequence[PointRecord]) -> Iterable[list[str]]:
    for model in models_of(records):
        points = curve(records, model)
        lengths = [record["point"]["length"] for record in points]
        latency = exponent(lengths, [record["latency_ms"]["median"] for record in points])
        memory = exponent(lengths, [peak_mib(record) or 0.0 for record in points])
        yield [model, *("" if value is None else f"L^{value:.2f}" for value in (latency, memory))]


def _rates_of(calibration: Mapping[str, Any] | None) -> str:
    if not calibration:
        return "Not calibrated."
    rates = calibration["matmul_flops_per_s"]
    return (
        f"Calibrated right before: {rates['fp32'] / 1e9:,.0f} GFLOP/s fp32 and {rates['bf16'] / 1e9:,.0f} GFLOP/s bf16 in "
        f"matrix products, {calibration['memory_bytes_per_s'] / 1e9:.1f} GB/s memory."
    )


def _paragraph(sentences: Iterable[str]) -> str:
    return "\n".join(sentence for sentence in sentences if sentence)


def _markdown_table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


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
            f"{name}-crossovers.csv": as_csv(crossing) if crossing else "",
        }
        for file, content in contents.items():
            (folder / file).write_text(plain(content), encoding="utf-8")
            files.append(folder / file)
    return files
