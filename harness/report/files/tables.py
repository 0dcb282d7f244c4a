"""Tables of a report: one for each comparison, the leaderboard over all of them, imported results and failed cells."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import pandas as pd

from harness.comparison.entries import Entry
from harness.comparison.names import millions, size_of
from harness.progress import counted
from harness.report.chance import guess_of, sentence_of
from harness.report.comparable import Comparison, Standing, ending, in_all, pretrainings_note, recipe_sentence
from harness.report.metric_names import of_candidates
from harness.report.table import Column, Look, Table, frame_of
from harness.report.ties import LEGEND
from harness.store.record import FailureRecord, ImportedRecord, RunRecord


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f} to {ends[1]:.4f}"


_NUMBER = re.compile(r"\b(?:0x)?\d[\w.,]*")
_PARAMETERS = Column("parameters", millions, number=True)


def of_comparison(comparison: Comparison) -> Table:
    """The table of one comparison."""
    given = of_candidates(
        name for one in comparison.standings for run in one.entry.runs for name in run["scores"]["test"]
    )
    columns = (
        Column("model"),
        *([Column("size")] if comparison.spans else []),
        Column("weights"),
        *(Column(name, "{:.4f}", number=True, missing="–") for name in given),
        Column("score", "{:.4f}", number=True, head=comparison.metric),
        Column("interval", _interval, number=True, head="95 % interval", missing="–"),
        Column("seeds", number=True),
        Column("lr", "{:g}", number=True, missing="–"),
        _PARAMETERS,
        Column("seconds", "{:,.0f}", number=True),
    )
    return Table(
        frame_of(_row(standing, comparison) | _given(standing, given) for standing in comparison.standings),
        columns,
        comparison.name,
        comparison.title,
        notes_of(comparison),
        {(number, "score"): standing.mark for number, standing in enumerate(comparison.standings)},
        LEGEND,
    )


def _given(standing: Standing, names: Iterable[str]) -> dict[str, float]:
    """The median over seeds of these metrics of test, where all runs have them."""
    scores = [run["scores"]["test"] for run in standing.entry.runs]
    return {name: median(one[name] for one in scores) for name in names if all(name in one for one in scores)}


def _row(standing: Standing, comparison: Comparison) -> dict[str, object]:
    entry = standing.entry
    return {
        "model": entry.model,
        "size": entry.size,
        "weights": weights_of(standing, comparison),
        "score": standing.score,
        "interval": (standing.low, standing.high) if len(entry.runs) > 1 else None,
        "seeds": entry.seeds_shown,
        "lr": None if entry.is_ranker else entry.learning_rate or None,
        "parameters": standing.model["params_non_embedding"],
        "seconds": standing.seconds,
    }


def weights_of(standing: Standing, comparison: Comparison) -> str:
    """The weights' name and what ran them, with what tells them from another checkpoint of the comparison of the same name."""
    namesakes = [one.entry for one in comparison.standings if _name(one.entry) == _name(standing.entry)]
    _, _, weights, deployment = _name(standing.entry)
    told = ", ".join(filter(None, (weights, deployment)))
    return " ".join(filter(None, (told, ending(standing.entry, namesakes))))


def _name(entry: Entry) -> tuple[str, str, str, str]:
    return entry.model, entry.size, entry.weights, entry.deployment


def interval(standing: Standing) -> str:
    """``0.612 to 0.640``, or a dash where a single seed has no spread."""
    return _interval((standing.low, standing.high)) if len(standing.entry.runs) > 1 else "–"


def notes_of(comparison: Comparison) -> tuple[str, ...]:
    """What a reader of a comparison must know: the caveat first, then the data, the recipe and the machines."""
    task = comparison.task
    counts = {len(standing.entry.runs) for standing in comparison.standings if not standing.entry.is_ranker}
    notes = [
        f"Caution: {comparison.caveat}." if comparison.caveat else "",
        f"Differs from other comparisons on this dataset in: {comparison.apart}." if comparison.apart else "",
        f"Fingerprint {comparison.fingerprint[:16]}; {task.get('n_train')} train, {task.get('n_dev')} dev, "
        f"{task.get('n_test')} test examples.",
        f"Recipe: {recipe_sentence(comparison.recipe)}{_choice(comparison)}.",
        "Parameters without embeddings; seconds of a whole run, median over seeds, on " + _machines(comparison),
        f"Test of differences from the best: {comparison.test}." if comparison.test else "",
        *(
            f"{one.label} fails checks of conformance: {'; '.join(one.entry.doubts)}."
            for one in comparison.standings
            if one.entry.doubts
        ),
        f"{sentence_of(comparison.task)}, so none is marked as best." if comparison.at_chance else "",
        _guess(comparison),
        "One seed is an anecdote, not a ranking." if counts == {1} else "",
        "Numbers of seeds differ between models." if len(counts) > 1 else "",
        pretrainings_note(standing.entry for standing in comparison.standings),
    ]
    return tuple(note for note in notes if note)


def _guess(comparison: Comparison) -> str:
    guess = guess_of(comparison.task)
    return "" if guess is None or comparison.at_chance else f"One constant answer scores {guess:.4f}."


def _choice(comparison: Comparison) -> str:
    """How the learning rate was chosen; nothing of checkpoints that were only scored."""
    if comparison.recipe.get("trained"):
        return ""
    of = f" of {comparison.trained_on['dataset']}" if comparison.trained_on else ""
    return f"; learning rate chosen by the median dev score{of}"


def _machines(comparison: Comparison) -> str:
    runs = [run for standing in comparison.standings for run in standing.entry.runs]
    machines = sorted({machine_of(run) for run in runs})
    named = "; on ".join(machines) if len(machines) < 4 else f"{len(machines)} different machines"
    return named + ("." if len(machines) < 2 else ": not comparable between machines.")


def machine_of(run: RunRecord) -> str:
    """Processor or accelerator, and threads."""
    environment = run.get("environment") or {}
    device = environment.get("gpu") or environment.get("cpu") or "an unknown machine"
    return f"{device}, {counted(environment.get('threads', '?'), 'thread')}"


def leaderboard(comparisons: Sequence[Comparison]) -> Table:
    """One row for each model and size, one column for each dataset with one recipe; marks hold within a size."""
    columns = columns_of(comparisons)
    found: dict[tuple[str, str], dict[str, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            row = found.setdefault((standing.entry.size_shown, standing.label), {})
            row[comparison.column] = in_all(row.get(comparison.column), standing)
    rows: list[Mapping[str, object]] = []
    looks: dict[tuple[int, str], Look] = {}
    for number, ((size, label), standings) in enumerate(sorted(found.items())):
        parameters = median(standing.model["params_non_embedding"] for standing in standings.values())
        scores = {key: standings[key].score for key in columns if key in standings}
        rows.append({"model": label, "size": size, "parameters": parameters, **scores})
        looks |= {(number, key): standing.mark for key, standing in standings.items()}
    scored = (Column(key, "{:.4f}", number=True, head=column_title(one)) for key, one in columns.items())
    notes = dict.fromkeys(caution_of(one) for one in columns.values() if one.caveat)
    shown = (Column("model"), Column("size"), _PARAMETERS, *scored)
    return Table(frame_of(rows), shown, "leaderboard", "Median test score over seeds", tuple(notes), looks, LEGEND)


def columns_of(comparisons: Iterable[Comparison]) -> dict[str, Comparison]:
    """The columns of a leaderboard, and the comparison that speaks for each: one above chance, if any size has one."""
    found: dict[str, Comparison] = {}
    for comparison in comparisons:
        if comparison.column not in found or found[comparison.column].at_chance:
            found[comparison.column] = comparison
    return found


def caution_of(comparison: Comparison) -> str:
    """The caveat with its dataset, which it may name itself."""
    caveat, dataset = comparison.caveat, comparison.dataset
    return f"Caution: {caveat}." if dataset in caveat else f"Caution, {dataset}: {caveat}."


def column_title(comparison: Comparison) -> str:
    """The dataset, with what sets this comparison apart and a mark where the dataset needs a caution."""
    caution = " (caution)" if comparison.caveat else ""
    caution += " (at chance)" if comparison.at_chance else ""
    return comparison.dataset + caution + (f", {comparison.apart}" if comparison.apart else "")


def of_imported(records: Sequence[ImportedRecord]) -> Table | None:
    """Imported results, which are not comparable with ours; ``None`` if there are none."""
    rows = [
        {
            "model": record["model"]["name"],
            "dataset": _imported_task(record),
            "protocol": str(record.get("protocol")),
            "metric": f"{metric} ({split})",
            "score": value,
            "whose": "not our protocol",
        }
        for record in sorted(records, key=lambda one: (one["task"]["dataset"], one["model"]["name"]))
        for split, metric, value in [imported_score(record)]
        if value is not None
    ]
    names = ("model", "dataset", "protocol", "metric")
    columns = (*(Column(name) for name in names), Column("score", "{:.4f}", number=True), Column("whose"))
    notes = ("Measured by other tools with their own protocols; never ranked or tested against our runs.",)
    return Table(frame_of(rows), columns, "imported", "Imported results (not comparable)", notes) if rows else None


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


def of_failed(records: Iterable[FailureRecord]) -> Table:
    """One row for each failed cell."""
    rows = (
        {
            "model": record["model"]["name"],
            "size": size_of(record["model"]),
            "dataset": record["task"]["dataset"],
            "learning_rate": (record.get("recipe") or {}).get("learning_rate"),
            "seed": record.get("seed"),
            "status": record["status"],
            "error": error_of(record),
            "command": record.get("command"),
        }
        for record in records
    )
    names = ("model", "size", "dataset")
    numbers = (Column("learning_rate", number=True, head="lr"), Column("seed", number=True))
    return Table(frame_of(rows), (*(Column(name) for name in names), *numbers, Column("status"), Column("error")))


def by_cause(records: Iterable[FailureRecord]) -> Table:
    """One row for each cause: errors that differ in numbers alone are one cause. The most frequent comes first."""
    groups: dict[tuple[str, str], list[FailureRecord]] = defaultdict(list)
    for record in records:
        groups[record["status"], _NUMBER.sub("N", error_of(record))].append(record)
    rows = [
        {
            "cells": len(group),
            "status": status,
            "error": error_of(group[0]),
            "models": _few(f"{one['model']['name']} {one['model']['size']}" for one in group),
            "datasets": _few(one["task"]["dataset"] for one in group),
        }
        for (status, _), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    columns = (Column("error"), Column("status"), Column("cells", number=True), Column("models"), Column("datasets"))
    return Table(frame_of(rows), columns, "failed-by-cause", "Failed cells by cause")


def _few(names: Iterable[str]) -> str:
    """At most four different names."""
    found = sorted(set(names))
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def error_of(record: FailureRecord) -> str:
    """The error of a failed cell as one text."""
    error: object = record.get("error")
    if isinstance(error, dict):
        return ": ".join(str(value) for value in error.values() if value)
    return str(error) if error else "no reason was recorded"


def rows_of(comparison: Comparison) -> pd.DataFrame:
    """One row for each model, with everything that decides the number."""
    return frame_of(_flat(comparison, standing) for standing in comparison.standings)


def leaderboard_rows(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The rows of all comparisons, each entry once.

    A ranker is in every comparison on its data, see `in_all`.
    """
    found: dict[tuple[str, ...], tuple[Comparison, Standing]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            runs = (comparison.dataset, *(run["key"] for run in standing.entry.runs))
            first, seen = found.get(runs, (comparison, None))
            found[runs] = first, in_all(seen, standing)
    return frame_of(_flat(comparison, standing) for comparison, standing in found.values())


def _flat(comparison: Comparison, standing: Standing) -> dict[str, object]:
    entry, model = standing.entry, standing.model
    return {
        "dataset": comparison.dataset,
        "trained_on": comparison.trained_on["dataset"] if comparison.trained_on else None,
        "fingerprint": comparison.fingerprint,
        "caution": comparison.caveat,
        "size": entry.size_shown,
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
        "learning_rate": entry.learning_rate or None,
        "learning_rates_tried": " ".join(f"{rate:g}" for rate in entry.dev_by_learning_rate if rate),
        "params_total": model["params_total"],
        "params_non_embedding": model["params_non_embedding"],
        "seconds": standing.seconds,
        "recipe": "" if entry.is_ranker else recipe_sentence(comparison.recipe),
        "command": entry.runs[0].get("command"),
    }


def seeds_of(comparison: Comparison) -> pd.DataFrame:
    """One row for each run and metric of test: the points of the figures."""
    return frame_of(
        {
            "dataset": comparison.dataset,
            "size": standing.entry.size_shown,
            "model": standing.entry.model,
            "weights": weights_of(standing, comparison),
            "learning_rate": standing.entry.learning_rate or None,
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
    )
