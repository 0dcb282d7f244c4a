"""The tables of a study of ablations: on the terminal, and as Markdown, CSV and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from harness.ablation.judgement import CANNOT_TELL, HELD_OUT, Judged
from harness.ablation.study import Outcome, Study
from harness.ablation.variants import Variant
from harness.comparison.names import millions
from harness.comparison.stats import Estimate
from harness.exchange.published import is_path, last_name
from harness.progress import counted
from harness.report.files import ablation_figure
from harness.report.table import Column, Table, as_csv, as_markdown, as_rich, frame_of
from harness.terminal import drawn
from harness.text_file import write_whole

Row = Mapping[str, object]
_PARTS = ("train", "evaluate", "checkpoint", "log")
"""Seconds of a pretraining that add up to all of it."""


def variant_rows(outcome: Outcome) -> list[Row]:
    """One flat row per variant: what it is and what it took."""
    return [_variant_row(outcome, variant) for variant in outcome.study.variants]


def _variant_row(outcome: Outcome, variant: Variant) -> Row:
    records = outcome.pretrained[variant.name].values()
    runs = {
        run["key"]: run for group in outcome.runs[variant.name].values() for one in group.values() for run in one
    }.values()
    model = next((record["model"] for record in records), None)
    rows = str(outcome.study.row_length)
    held = [record["scores"]["heldout_by_rows"][rows]["bits_per_byte"] for record in records]
    return {
        "variant": variant.name,
        "setting": variant.setting,
        "params_total": model["params_total"] if model else None,
        "params_non_embedding": model["params_non_embedding"] if model else None,
        "pretraining_seeds": " ".join(map(str, outcome.pretrained[variant.name])),
        "tokens": next((record["recipe"]["tokens"] for record in records), None),
        "held_out_bits_per_byte": mean(held) if held else None,
        "pretraining_seconds": mean(_seconds(record["seconds"]) for record in records) if records else None,
        "cells": len(runs),
        "fine_tuning_seconds": sum(sum(run["seconds"].values()) for run in runs),
    }


def judged_rows(outcome: Outcome) -> list[Row]:
    """One flat row per variant and measure, with every number."""
    variants = {str(row["variant"]): row for row in variant_rows(outcome)}
    return [_judged_row(one, variants[one.variant]) for one in outcome.judged]


def _judged_row(one: Judged, variant: Row) -> Row:
    return {
        "variant": one.variant,
        "setting": variant["setting"],
        "params_total": variant["params_total"],
        "tokens": variant["tokens"],
        "pretraining_seconds": variant["pretraining_seconds"],
        "fine_tuning_seconds": variant["fine_tuning_seconds"],
        "measure": one.measure,
        "metric": one.metric,
        "baseline": _number(one.baseline),
        "score": _number(one.score),
        "difference": _number(one.difference.value),
        "difference_low": _number(one.difference.low),
        "difference_high": _number(one.difference.high),
        "pretraining_seeds": one.pretraining_seeds,
        "seeds": one.seeds,
        "finding": one.finding,
        "source": one.source,
        "verdict": one.verdict,
        "note": one.note,
    }


def as_json(outcome: Outcome) -> Row:
    """Everything, for programs."""
    study = outcome.study
    return {
        "model": study.request.model,
        "size": study.request.size,
        "corpora": [last_name(corpus) if is_path(corpus) else corpus for corpus in study.request.corpora],
        "tokens": study.variants.baseline.recipe.tokens,
        "held_out_rows": study.row_length,
        "pretraining_seeds": list(study.pretraining_seeds),
        "seeds": list(study.grid.seeds),
        "variants": variant_rows(outcome),
        "rows": judged_rows(outcome),
        "failures": [{"what": what, "error": error} for what, error in outcome.failures],
    }


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``ablations.md``, ``ablations.csv`` and ``ablations.json``, each as a whole, and the figure; returns the files.

    Raises:
        OSError: the folder cannot be written.
    """
    contents = {
        "ablations.md": "\n".join(map(as_markdown, (_judged_table(outcome), _variant_table(outcome)))),
        "ablations.csv": as_csv(frame_of(judged_rows(outcome))),
        "ablations.json": json.dumps(as_json(outcome), indent=1) + "\n",
    }
    return [
        *(write_whole(folder / name, content) for name, content in contents.items()),
        *ablation_figure.write(outcome.judged, _title(outcome.study), folder),
    ]


def as_text(outcome: Outcome) -> str:
    """The tables for a terminal."""
    judged, variants = _judged_table(outcome), _variant_table(outcome)
    return drawn(as_rich(judged), *judged.notes, as_rich(variants), *variants.notes)


def planned_as_text(rows: Sequence[tuple[str, ...]]) -> str:
    """What a study would pretrain: variant, setting, tokens, and how many of its pretrainings and cells are done."""
    names = ("variant", "setting", "tokens", "pretrained", "cells")
    frame = frame_of(dict(zip(names, row, strict=True)) for row in rows)
    return drawn(as_rich(Table(frame, [Column(name) for name in names])))


def _score(value: float) -> str:
    return f"{value:.4f}"


_JUDGED = (
    Column("variant"),
    Column("measure"),
    Column("parameters", millions, number=True, missing="-"),
    Column("baseline", _score, number=True, missing="-"),
    Column("variant's", _score, number=True, missing="-"),
    Column("difference [95 %]", number=True),
    Column("the paper"),
    Column("verdict", missing="-"),
)
_VARIANTS = (
    Column("variant"),
    Column("setting", missing="-"),
    Column("parameters", "{:,.0f}", number=True, missing="-"),
    Column("tokens", "{:,.0f}", number=True, missing="-"),
    Column("bits a byte", _score, number=True, missing="-"),
    Column("pretraining s", "{:,.0f}", number=True, missing="-"),
    Column("cells", number=True),
    Column("fine-tuning s", "{:,.0f}", number=True, missing="-"),
)


def _judged_table(outcome: Outcome) -> Table:
    study = outcome.study
    sizes = {str(row["variant"]): row["params_total"] for row in variant_rows(outcome)}
    sources = dict.fromkeys(one.source for one in outcome.judged if one.source)
    return Table(
        frame_of(_judged_cells(one, sizes[one.variant]) for one in outcome.judged),
        _JUDGED,
        "ablations",
        _title(study),
        (
            f"Difference: variant less baseline. Held-out: bits a byte on fixed rows of {study.row_length} tokens with fixed "
            "masks, lower is better. Tasks: main metric on test, higher is better.",
            "A finding about an average over tasks is held against each task by itself. Intervals are not corrected for the "
            "number of rows.",
            *_notes(outcome.judged),
            *(f"Source: {source}." for source in sources),
        ),
    )


def _title(study: Study) -> str:
    return f"{study.request.model} {study.request.size}: {counted(len(study.variants.others), 'variant')} beside the baseline"


def _notes(judged: Sequence[Judged]) -> list[str]:
    """Every note once, with what it is about unless it is about all."""
    found = []
    for note in dict.fromkeys(one.note for one in judged if one.note):
        about = [f"{one.variant} by {one.measure}" for one in judged if one.note == note]
        told = f"{note[0].upper()}{note[1:]}"
        found.append(f"{told}." if len(about) == len(judged) else f"{told}: {'; '.join(about)}.")
    return found


def _judged_cells(one: Judged, parameters: object) -> Row:
    measure = f"{HELD_OUT}, bits a byte" if one.measure == HELD_OUT else f"{one.measure}, {one.metric}"
    without_interval = one.verdict == CANNOT_TELL and math.isnan(one.difference.low)
    said = f"{one.verdict}: {one.note}" if without_interval else one.verdict
    return {
        "variant": one.variant,
        "measure": measure,
        "parameters": parameters,
        "baseline": one.baseline,
        "variant's": one.score,
        "difference [95 %]": _interval(one.difference),
        "the paper": one.finding,
        "verdict": said or None,
    }


def _variant_table(outcome: Outcome) -> Table:
    notes = ["Seconds: of one pretraining, mean over seeds; of all finished cells together."]
    notes += [f"Without a result: {what}: {error}" for what, error in outcome.failures]
    rows = (
        {
            "variant": row["variant"],
            "setting": row["setting"] or None,
            "parameters": row["params_total"],
            "tokens": row["tokens"],
            "bits a byte": row["held_out_bits_per_byte"],
            "pretraining s": row["pretraining_seconds"],
            "cells": row["cells"],
            "fine-tuning s": row["fine_tuning_seconds"],
        }
        for row in variant_rows(outcome)
    )
    return Table(frame_of(rows), _VARIANTS, "variants", "What the variants are and what they took", notes)


def _seconds(parts: Mapping[str, float]) -> float:
    return sum(parts[name] for name in _PARTS)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "-"
    ends = "" if math.isnan(estimate.low) else f" [{estimate.low:+.4f}, {estimate.high:+.4f}]"
    return f"{estimate.value:+.4f}{ends}"
