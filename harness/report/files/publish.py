"""A whole report: tables, figures and the page, from one reading of the store."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.exchange.published import published_command
from harness.plain_text import plain
from harness.report import pretraining, suites
from harness.report.comparable import Comparison, slugs
from harness.report.cost import plots as bench_plots
from harness.report.cost import tables as bench_tables
from harness.report.cost.curves import models_of
from harness.report.examples import median_run
from harness.report.files import (
    calibration_plots,
    captions,
    failures,
    figures,
    imported,
    leaderboard,
    length_plots,
    overall_figure,
    pretraining_plots,
    tables,
    transfer,
)
from harness.report.overall import table as overall_table
from harness.report.overall.answer import answer
from harness.report.page import browser, page, panels
from harness.report.reading import Reading
from harness.report.results import Results, results
from harness.report.table import Table, as_csv, as_latex, as_markdown, frame_of, shown_as_csv
from harness.store import Store
from harness.store.record import PointRecord
from harness.text_file import write_whole
from models.encoder import baseline_of

PAGE = "report.html"
_MAPS = 10
"""Encoders of each comparison whose map of lengths is drawn; the page has the maps of all."""


def write(
    store: Store,
    reading: Reading,
    folder: Path,
    show: Callable[[Table | str], None] = lambda shown: None,
    renew: int = 0,
) -> list[Path]:
    """Write tables, figures and the page of a store; returns the files, the page last.

    Args:
        store: where the predictions are read.
        reading: the content of the store.
        folder: made where it is missing.
        show: called with the answer, the table of all models over all datasets, and each matrix of training data and test
            sets, see `harness.report.files.transfer`.
        renew: seconds after which the page loads itself again; 0 for never.

    Raises:
        OSError: the folder cannot be written.
    """
    found = results(store, reading)
    matrices = transfer.matrices(found.comparisons)
    models = overall_table.table(found.overall)
    for shown in (answer(found.overall).text, models if models and len(models.frame) > 1 else None, *matrices):
        if shown:
            show(shown)
    throughput = {one.name: panels.throughput(one, reading.bench)[0] for one in found.panels}
    command = published_command(shlex.join(["python", "-m", "harness", *sys.argv[1:]]))
    with figures.drawing(found.panels, found.numbered, throughput, folder / "figures") as drawn:
        files = _write_overall(found, folder / "tables")
        files += overall_figure.write(found.overall, found.numbered, folder / "figures")
        files += _write_tables(found, matrices, reading, folder / "tables")
        files += _write_lengths(found.comparisons, store, folder / "figures")
        files += _write_bench(reading.bench, folder / "bench")
        files += pretraining_plots.write(reading.pretraining, found.numbered, folder / "figures")
        examined = browser.examine(found.comparisons, store)
        files += calibration_plots.write(examined.calibrations, found.numbered, folder / "figures")
        written = _write(folder / PAGE, page.render(store, reading, found, command, examined, renew))
        files += drawn()
        if text := captions.as_text(found, reading.pretraining, files):
            files.append(_write(folder / "figures" / captions.NAME, text))
        return [*files, written]


def _write_overall(found: Results, folder: Path) -> list[Path]:
    """The tables over all comparisons; those in Markdown begin with the answer."""
    folder.mkdir(parents=True, exist_ok=True)
    files, overall = [], found.overall
    for table in (overall_table.table(overall), leaderboard.table(found.comparisons) if found.comparisons else None):
        if table:
            answered = overall_table.with_answer(table, overall)
            files.append(_write(folder / f"{table.name}.md", as_markdown(answered)))
            files.append(_write(folder / f"{table.name}.tex", as_latex(table)))
    if rows := overall_table.rows_for_csv(overall):
        files.append(_write(folder / f"{overall_table.NAME}.csv", as_csv(frame_of(rows))))
    return files


def _write_tables(found: Results, matrices: Sequence[Table], reading: Reading, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    sheets = [tables.of_comparison(comparison) for comparison in found.panels]
    sheets += suites.tables(found.comparisons)
    sheets += matrices
    sheets += pretraining.tables(reading.pretraining)
    if others := imported.table(reading.imported):
        sheets.append(others)
    for table in sheets:
        files.append(_write(folder / f"{table.name}.md", as_markdown(table)))
        files.append(_write(folder / f"{table.name}.tex", as_latex(table)))
    if found.comparisons:
        files.append(_write(folder / "leaderboard.csv", as_csv(leaderboard.rows_of(found.comparisons))))
    for comparison in found.panels:
        files.append(_write(folder / f"{comparison.name}.csv", as_csv(tables.rows_of(comparison))))
        files.append(_write(folder / f"{comparison.name}-seeds.csv", as_csv(tables.seeds_of(comparison))))
    files += [_write(folder / f"{matrix.name}.csv", shown_as_csv(matrix)) for matrix in matrices]
    if others:
        files.append(_write(folder / "imported.csv", shown_as_csv(others)))
    if reading.failed:
        files.append(_write(folder / "failed.csv", as_csv(failures.table(reading.failed).frame)))
    return files


def _write_lengths(found: Sequence[Comparison], store: Store, folder: Path) -> list[Path]:
    """Scores against length, and the maps of length and depth of the best encoders' median runs."""
    files: list[Path] = []
    for comparison in found:
        if not comparison.lengths:
            continue
        runs = [
            run | {"model": run["model"] | {"name": standing.label}}
            for standing in comparison.standings
            for run in standing.entry.runs
        ]
        files += length_plots.against_length(runs, folder / f"{comparison.name}-against-length", comparison.title)
        endings = slugs([standing.label for standing in comparison.standings])
        for standing in comparison.standings[:_MAPS]:
            try:
                rows = store.predictions(median_run(standing))
                stem = folder / f"{comparison.name}-map-{endings[standing.label]}"
                files += length_plots.heat_map(standing.label, rows, comparison.metric, stem, comparison.title)
            except (InputError, KeyError, ValueError):
                continue  # the page says whose predictions cannot be read, and has the map from the scores
    return files


def _write_bench(bench: Sequence[PointRecord], folder: Path) -> list[Path]:
    if not any(record["status"] == "ok" for record in bench):
        return []
    baseline = baseline_of(models_of(bench))
    return bench_tables.write(bench, baseline, folder) + bench_plots.write(bench, baseline, folder)


def _write(file: Path, content: str) -> Path:
    return write_whole(file, plain(content))
