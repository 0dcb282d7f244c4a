"""Tables of a report: one a comparison, and the leaderboard over all of them. Markdown and CSV here, LaTeX in `latex`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.comparison.marks import Mark
from harness.plain_text import plain
from harness.progress import counted
from harness.report.comparable import Comparison, Standing, in_all, recipe_sentence
from harness.report.cost.tables import as_csv
from harness.report.ties import LEGEND, SYMBOLS
from harness.store.record import FailureRecord, ImportedRecord, RunRecord

NOT_OURS = "not our protocol"


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, and how it compares with the best of its column."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """A table before it is Markdown or LaTeX.

    Attributes:
        name: can be a file's.
        title: one line.
        notes: what must be known to read it, one sentence each.
        head: names of the columns; those from ``numbers_from`` on hold numbers.
        rows: as many cells as the head has.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers_from: int = 1


def of_comparison(comparison: Comparison) -> Table:
    """The table of one comparison."""
    head = ("model", "weights", comparison.metric, "95 % interval", "seeds", "lr", "parameters", "seconds")
    return Table(
        comparison.name,
        comparison.title,
        notes_of(comparison),
        head,
        tuple(_row(standing, comparison) for standing in comparison.standings),
        2,
    )


def _row(standing: Standing, comparison: Comparison) -> tuple[Cell, ...]:
    entry, model = standing.entry, standing.model
    return (
        Cell(entry.model),
        Cell(weights_of(standing, comparison)),
        score_cell(standing),
        Cell(interval(standing)),
        Cell(str(len(entry.runs))),
        Cell("–" if entry.is_ranker else f"{entry.learning_rate:g}"),
        Cell(millions(model["params_non_embedding"])),
        Cell(f"{standing.seconds:,.0f}"),
    )


def weights_of(standing: Standing, comparison: Comparison) -> str:
    """The weights' name; with the end of their digest where another checkpoint of the comparison has the same name."""
    entry = standing.entry
    same = [
        other
        for other in comparison.standings
        if (other.entry.model, other.entry.weights) == (entry.model, entry.weights)
    ]
    return entry.weights if len(same) == 1 else f"{entry.weights} {str(standing.model['identity'])[-8:]}"


def score_cell(standing: Standing) -> Cell:
    """The median score with its standing."""
    return Cell(f"{standing.score:.4f}", standing.mark)


def interval(standing: Standing) -> str:
    """``0.612 to 0.640``, or a dash where one seed tells nothing of spread."""
    return f"{standing.low:.4f} to {standing.high:.4f}" if len(standing.entry.runs) > 1 else "–"


def millions(count: float) -> str:
    """A count of parameters."""
    return f"{count / 1e6:.2f} M" if count < 1e7 else f"{count / 1e6:,.0f} M"


def notes_of(comparison: Comparison) -> tuple[str, ...]:
    """What must be known to read a comparison: the caveat first, then the data, the recipe and the machines."""
    runs = [run for standing in comparison.standings for run in standing.entry.runs]
    task = comparison.task
    machines = sorted({machine_of(run) for run in runs})
    counts = {len(standing.entry.runs) for standing in comparison.standings if not standing.entry.is_ranker}
    notes = [
        f"Caution: {comparison.caveat}." if comparison.caveat else "",
        f"Set apart from other comparisons on this dataset by: {comparison.apart}." if comparison.apart else "",
        f"Fingerprint {comparison.fingerprint[:16]}; {task.get('n_train')} train, {task.get('n_dev')} dev, "
        f"{task.get('n_test')} test examples.",
        f"Recipe: {recipe_sentence(comparison.recipe)}; learning rate chosen by the median dev score.",
        "Parameters without embeddings; seconds of a whole run, median over seeds, on "
        + ("; on ".join(machines) if len(machines) < 4 else f"{len(machines)} different machines")
        + ("." if len(machines) < 2 else ": not comparable between machines."),
        f"Test of differences from the best: {comparison.test}." if comparison.test else "",
        ""
        if any(standing.best for standing in comparison.standings)
        else "Every median is 0, so none is marked as best.",
        "One seed is an anecdote, not a ranking." if counts == {1} else "",
        "Numbers of seeds differ between models." if len(counts) > 1 else "",
    ]
    return tuple(note for note in notes if note)


def machine_of(run: RunRecord) -> str:
    """Processor or accelerator, and threads."""
    environment = run.get("environment") or {}
    device = environment.get("gpu") or environment.get("cpu") or "an unknown machine"
    return f"{device}, {counted(environment.get('threads', '?'), 'thread')}"


def leaderboard(comparisons: Sequence[Comparison]) -> Table:
    """One row a model and size, one column a dataset with one recipe; what is best or tied is so within its size."""
    columns = {comparison.column: comparison for comparison in comparisons}
    head = ("model", "size", "parameters", *(column_title(comparison) for comparison in columns.values()))
    found: dict[tuple[str, str], dict[str, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            row = found.setdefault((standing.entry.size, standing.label), {})
            row[comparison.column] = in_all(row.get(comparison.column), standing)
    rows = []
    for (size, label), standings in sorted(found.items()):
        parameters = median(standing.model["params_non_embedding"] for standing in standings.values())
        cells = (score_cell(standings[key]) if key in standings else Cell("") for key in columns)
        rows.append((Cell(label), Cell(size), Cell(millions(parameters)), *cells))
    notes = tuple(
        dict.fromkeys(f"Caution, {one.dataset}: {one.caveat}." for one in columns.values() if one.caveat)
    )  # one sentence a dataset
    return Table("leaderboard", "Median test score over seeds", notes, head, tuple(rows), 2)


def column_title(comparison: Comparison) -> str:
    """The dataset, with what sets this comparison apart and a mark where the dataset needs a caution."""
    caution = " (caution)" if comparison.caveat else ""
    return comparison.dataset + caution + (f", {comparison.apart}" if comparison.apart else "")


def of_imported(records: Sequence[ImportedRecord]) -> Table | None:
    """Scores of other people's protocols, marked as such; ``None`` where there are none."""
    rows = [
        (
            Cell(record["model"]["name"]),
            Cell(_imported_task(record)),
            Cell(str(record.get("protocol"))),
            Cell(f"{metric} ({split})"),
            Cell(f"{value:.4f}"),
            Cell(NOT_OURS),
        )
        for record in sorted(records, key=lambda one: (one["task"]["dataset"], one["model"]["name"]))
        for split, metric, value in [imported_score(record)]
        if value is not None
    ]
    notes = ("Scores that other people's protocols gave: never ranked or tested against ours.",)
    head = ("model", "dataset", "protocol", "metric", "score", "whose")
    return Table("imported", f"Imported scores: {NOT_OURS}", notes, head, tuple(rows), 4) if rows else None


def imported_score(record: ImportedRecord) -> tuple[str, str, float | None]:
    """Split, metric and value of an imported record's main score: of test, or of dev where there is no test."""
    metric = str(record["task"].get("metric"))
    for split in ("test", "dev"):
        value = (record["scores"].get(split) or {}).get(metric)
        if isinstance(value, int | float):
            return split, metric, float(value)
    return "test", metric, None


def _imported_task(record: ImportedRecord) -> str:
    subset = record["task"].get("subset")
    return record["task"]["dataset"] + (f" ({subset})" if subset and subset != "default" else "")


def of_failed(records: Iterable[FailureRecord]) -> list[dict[str, Any]]:
    """One flat row a failed cell."""
    return [
        {
            "model": record["model"]["name"],
            "size": record["model"]["size"],
            "dataset": record["task"]["dataset"],
            "learning_rate": (record.get("recipe") or {}).get("learning_rate"),
            "seed": record.get("seed"),
            "status": record["status"],
            "error": error_of(record),
            "command": record.get("command"),
        }
        for record in records
    ]


def error_of(record: FailureRecord) -> str:
    """The error of a failed cell as one text."""
    error = record.get("error")
    if isinstance(error, dict):
        return ": ".join(str(value) for value in error.values() if value)
    return str(error) if error else "no reason was recorded"


def rows_of(comparison: Comparison) -> list[dict[str, Any]]:
    """One flat row a model, with everything that decides the number."""
    return [_flat(comparison, standing) for standing in comparison.standings]


def leaderboard_rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """The rows of all comparisons, each entry once.

    What ranks without an encoder is in every comparison on its data, see `in_all`.
    """
    found: dict[tuple[str, ...], tuple[Comparison, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            runs = tuple(run["key"] for run in standing.entry.runs)
            first, seen = found.get(runs, (comparison, None))
            found[runs] = first, in_all(seen, standing)
    return [_flat(comparison, standing) for comparison, standing in found.values()]


def _flat(comparison: Comparison, standing: Standing) -> dict[str, Any]:
    entry, model = standing.entry, standing.model
    return {
        "dataset": comparison.dataset,
        "fingerprint": comparison.fingerprint,
        "caution": comparison.caveat,
        "size": entry.size,
        "model": entry.model,
        "weights": weights_of(standing, comparison),
        "metric": comparison.metric,
        "median": standing.score,
        "low": standing.low,
        "high": standing.high,
        "n_seeds": len(entry.runs),
        "seeds": " ".join(map(str, standing.seeds)),
        "best": standing.best,
        "tied_with_best": standing.tied,
        "cannot_tell": standing.mark == "unclear",
        "test_of_ties": comparison.test,
        "learning_rate": entry.learning_rate,
        "learning_rates_tried": " ".join(f"{rate:g}" for rate in entry.dev_by_learning_rate),
        "params_total": model["params_total"],
        "params_non_embedding": model["params_non_embedding"],
        "seconds": standing.seconds,
        "recipe": "" if entry.is_ranker else recipe_sentence(comparison.recipe),
        "command": entry.runs[0].get("command"),
    }


def csv_of(table: Table) -> str:
    """A table as it is printed."""
    return as_csv([dict(zip(table.head, (cell.text for cell in row), strict=True)) for row in table.rows])


def seeds_of(comparison: Comparison) -> list[dict[str, Any]]:
    """One row a run and metric of test: the points of the figures."""
    return [
        {
            "dataset": comparison.dataset,
            "size": standing.entry.size,
            "model": standing.entry.model,
            "weights": weights_of(standing, comparison),
            "learning_rate": standing.entry.learning_rate,
            "seed": run["seed"],
            "metric": metric,
            "test": value,
            "dev": run["scores"]["dev"].get(metric),
            "seconds": sum(run["seconds"].values()),
            "key": run["key"],
        }
        for standing in comparison.standings
        for run in standing.entry.runs
        for metric, value in run["scores"]["test"].items()
    ]


def as_markdown(table: Table) -> str:
    """The table with its title and notes."""
    lines = [
        [_escaped(name) for name in table.head],
        ["---" if n < table.numbers_from else "---:" for n in range(len(table.head))],
    ]
    lines += [[_marked(cell) for cell in row] for row in table.rows]
    grid = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    marks = any(cell.mark for row in table.rows for cell in row)
    notes = "\n".join(f"- {_escaped(note)}" for note in [*table.notes, *([LEGEND] if marks else [])])
    return "\n\n".join(part for part in (f"## {_escaped(table.title)}", notes, grid) if part) + "\n"


def _marked(cell: Cell) -> str:
    text = _escaped(cell.text)
    return f"**{text}**" if cell.mark == "best" else f"{text} {SYMBOLS[cell.mark]}" if cell.mark else text


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no line breaks."""
    entities = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(plain(entities).split()))
