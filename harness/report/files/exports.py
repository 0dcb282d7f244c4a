"""Files that other programs read: predictions and scores as CSV, and tables for a paper as LaTeX."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.progress import counted
from harness.report import suites
from harness.report.answers import confidence
from harness.report.comparable import Comparison, Standing, slug
from harness.report.files import leaderboard, tables
from harness.report.table import Column, Look, Table, as_csv, as_latex, frame_of
from harness.report.ties import LEGEND
from harness.store import RunRecord, frame
from harness.store.record import OWN_SIZE
from harness.text_file import write_whole

_FIRST = ("split", "test_set", "id", "gold", "predicted", "probability", "probabilities", "numerator", "denominator")


def predictions(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Predictions as a frame with one row per example: text and numbers as they are, everything else as JSON.

    ``probability`` is that of the answer, see `harness.report.answers.confidence`; ``numerator`` and ``denominator`` are the ``terms``.
    """
    flat = []
    for row in rows:
        share = row.get("terms")
        named = dict(zip(("numerator", "denominator"), share, strict=False)) if isinstance(share, list) else {}
        sure = confidence(row)
        plain = {name: _cell(value) for name, value in row.items() if name != "terms"}
        flat.append(plain | named | ({} if sure is None else {"probability": sure}))
    names = list(dict.fromkeys(name for row in flat for name in row))
    ordered = [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]
    return frame_of(flat).reindex(columns=pd.Index(ordered, dtype=object))


def _cell(value: object) -> object:
    is_plain = value is None or isinstance(value, str | int | float)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def write_results(runs: Sequence[RunRecord], file: Path) -> Path:
    """All runs in one CSV file, see `harness.store.frame.runs`; returns it.

    Raises:
        OSError: it cannot be written.
    """
    return _written(file, as_csv(frame.runs(runs)))


def write_latex(comparisons: Sequence[Comparison], folder: Path) -> list[Path]:
    """Tables of every size for a paper, of benchmarks, and of every comparison with all details; returns the files.

    Raises:
        OSError: the folder cannot be written.
    """
    sheets = [*papers(comparisons), *suites.tables(comparisons), *map(tables.of_comparison, comparisons)]
    return [_written(folder / f"{sheet.name}.tex", as_latex(sheet)) for sheet in sheets]


def papers(comparisons: Sequence[Comparison]) -> list[Table]:
    """For each size of encoders the table of a paper: a row for each encoder, a column for each dataset, in percent with intervals."""
    sizes: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        sizes.setdefault(comparison.size, []).append(comparison)
    return [_paper(size, found) for size, found in sizes.items()]


def _paper(size: str, comparisons: Sequence[Comparison]) -> Table:
    labels = sorted({standing.label for one in comparisons for standing in one.standings})
    of = {(standing.label, one.name): standing for one in comparisons for standing in one.standings}
    rows = [
        {"encoder": label, **{one.name: of[label, one.name] for one in comparisons if (label, one.name) in of}}
        for label in labels
    ]
    looks: dict[tuple[int, str], Look] = {(labels.index(label), name): one.mark for (label, name), one in of.items()}
    scored = (
        Column(one.name, _in_percent, number=True, head=f"{leaderboard.column_title(one)} ({one.metric})", missing="–")
        for one in comparisons
    )
    seeds = sorted({len(standing.scores) for standing in of.values()})
    spread = "with the 95 % interval of the median over new seeds in brackets" if seeds[-1] > 1 else "of a single seed"
    over = f"{seeds[0]} to {counted(seeds[-1], 'seed')}" if len(seeds) > 1 else counted(seeds[0], "seed")
    cautions = dict.fromkeys(leaderboard.caution_of(one) for one in comparisons if one.caveat)
    notes = (f"Median test scores in percent over {over}, {spread}", *cautions)
    which = "with own weights" if size == OWN_SIZE else f"of size {size}"
    title = f"Encoders {which} on {counted(len({one.dataset for one in comparisons}), 'dataset')}"
    return Table(frame_of(rows), (Column("encoder"), *scored), f"paper-{slug(size)}", title, notes, looks, LEGEND)


def _in_percent(standing: Standing) -> str:
    middle, low, high = (f"{100 * value:.1f}" for value in (standing.score, standing.low, standing.high))
    return f"{middle} [{low}, {high}]" if len(standing.scores) > 1 else middle


def _written(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(file, content)
