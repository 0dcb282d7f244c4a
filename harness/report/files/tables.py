"""The table of a comparison, its notes, and the same numbers as rows for programs."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import pandas as pd

from harness.comparison.entries import Entry, trains
from harness.comparison.names import millions
from harness.progress import counted
from harness.report.chance import guess_of, sentence_of
from harness.report.comparable import Comparison, Standing, pretrainings_note
from harness.report.labels import ending
from harness.report.metric_names import of_candidates
from harness.report.recipe_words import rate_of, recipe_sentence
from harness.report.table import Column, Table, frame_of
from harness.report.ties import LEGEND
from harness.store.record import RunRecord


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f} to {ends[1]:.4f}"


PARAMETERS = Column("parameters", millions, number=True)


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
        PARAMETERS,
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
        "size": entry.size_shown,
        "weights": weights_of(standing, comparison),
        "score": standing.score,
        "interval": (standing.low, standing.high) if len(entry.runs) > 1 else None,
        "seeds": entry.seeds_shown,
        "lr": rate_of(entry),
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
    counts = {len(standing.entry.runs) for standing in comparison.standings if standing.entry.seed_matters}
    notes = [
        f"Caution: {comparison.caveat}." if comparison.caveat else "",
        f"Differs from other comparisons on this dataset in: {comparison.apart}." if comparison.apart else "",
        f"Fingerprint {comparison.fingerprint[:16]}; {task.get('n_train')} train, {task.get('n_dev')} dev, "
        f"{task.get('n_test')} test examples.",
        _recipe(comparison),
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
        *(
            f"{one.label} has a better dev score at the learning rate {rate:g}, which was run with fewer seeds."
            for one in comparison.standings
            if (rate := one.entry.better_rate_with_fewer_seeds)
        ),
        pretrainings_note(standing.entry for standing in comparison.standings),
    ]
    return tuple(note for note in notes if note)


def _guess(comparison: Comparison) -> str:
    guess = guess_of(comparison.task)
    return "" if guess is None or comparison.at_chance else f"One constant answer scores {guess:.4f}."


def _recipe(comparison: Comparison) -> str:
    """How the models were trained, and how the learning rate was chosen if there was one to choose."""
    if all(standing.entry.is_ranker for standing in comparison.standings):
        return "Nothing was trained."  # and a ranker reads whole texts, in no precision
    sentence = recipe_sentence(comparison.recipe)
    if not trains(comparison.recipe):
        return f"{sentence[0].upper()}{sentence[1:]}."
    of = f" of {comparison.trained_on['dataset']}" if comparison.trained_on else ""
    return f"Recipe: {sentence}; learning rate chosen by the median dev score{of}."


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


def rows_of(comparison: Comparison) -> pd.DataFrame:
    """One row for each model, with everything that decides the number."""
    return frame_of(row_of(comparison, standing) for standing in comparison.standings)


def row_of(comparison: Comparison, standing: Standing) -> dict[str, object]:
    """One model with everything that decides the number, for programs."""
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
        "learning_rate": rate_of(entry),
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
            "learning_rate": rate_of(standing.entry),
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
