"""The leaderboard over all datasets, as a table for the terminal, Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.comparison.names import millions
from harness.comparison.stats import Estimate
from harness.report.comparable import pretrainings_note
from harness.report.overall.answer import answer
from harness.report.overall.rows import Overall, Row
from harness.report.table import Column, Look, Table, frame_of

NAME = "overall"


def _ranged(digits: int) -> Column:
    def text(found: Estimate) -> str:
        value, low, high = (f"{number:.{digits}f}" for number in found)
        return f"{value} ({low} to {high})"

    name = "score" if digits > 2 else "rank"
    return Column(name, text, number=True, head=f"mean {name} (95 % interval)", missing="–")


RANK, SCORE = _ranged(2), _ranged(4)
LATENCY = Column("latency_ms", "{:,.1f}", number=True, head="latency, ms", missing="–")
THROUGHPUT = Column("tokens_per_s", "{:,.0f}", number=True, head="tokens/s", missing="–")
MEMORY = Column("memory_mib", "{:,.0f}", number=True, head="peak memory, MiB", missing="–")
PARAMETERS = Column("parameters", millions, number=True)
MINUTES = Column("minutes", "{:,.1f}", number=True, head="training, min", missing="–")
_MISSING = Column("missing", head="not run on", missing="")


def table(overall: Overall) -> Table | None:
    """One row for each model, those with every dataset first; ``None`` if there are no scores."""
    rows = [*overall.rows, *overall.incomplete]
    if not rows:
        return None
    measured = any(row.cost for row in rows)
    columns = [
        Column("model"),
        RANK,
        SCORE,
        Column("seeds", number=True),
        *([LATENCY, THROUGHPUT, MEMORY] if measured else []),
        PARAMETERS,
        MINUTES,
        *([_MISSING] if overall.incomplete else []),
    ]
    looks: dict[tuple[int, str], Look] = {(0, "rank"): "best"} if answer(overall).told else {}
    title = f"All models over {len(overall.datasets)} dataset{'' if len(overall.datasets) == 1 else 's'}"
    return Table(frame_of(map(_values, rows)), columns, NAME, title, notes(overall), looks)


def _values(row: Row) -> dict[str, object]:
    cost = row.cost
    return {
        "model": row.name,
        "rank": row.rank,
        "score": row.score,
        "seeds": row.seeds,
        "latency_ms": cost.latency_ms if cost else None,
        "tokens_per_s": cost.tokens_per_s if cost else None,
        "memory_mib": cost.memory_mib if cost else None,
        "parameters": row.parameters,
        "minutes": row.minutes,
        "missing": ", ".join(row.missing) or None,
    }


def with_answer(one: Table, overall: Overall) -> Table:
    """The table with the answer as its first note."""
    text = answer(overall).text
    return replace(one, notes=[text, *one.notes]) if text else one


def rows_for_csv(overall: Overall) -> Sequence[dict[str, object]]:
    """The values of the table with the ends of the intervals in columns of their own."""
    return [
        {
            **{name: value for name, value in _values(row).items() if name not in ("rank", "score")},
            "size": row.size,
            **_ends("mean_rank", row.rank),
            **_ends("mean_score", row.score),
            "datasets": " ".join(overall.datasets),
            "cost_setting": overall.setting.words if overall.setting else None,
        }
        for row in [*overall.rows, *overall.incomplete]
    ]


def _ends(name: str, found: Estimate | None) -> dict[str, float | None]:
    value, low, high = found or (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def notes(overall: Overall) -> tuple[str, ...]:
    """What a reader of the table must know."""
    listed = {
        "Datasets that count: {}.": overall.datasets,
        "Not counted, as no model scores above one constant answer: {}.": overall.at_chance,
        "Not counted, as too few models were run on them: {}.": overall.left_out,
        "Run with several recipes or on several versions of the data, of which the one with most models counts: {}.": overall.several,
    }
    found = [
        *(sentence.format(", ".join(names)) for sentence, names in listed.items() if names),
        f"Scores are means over seeds; metrics differ between datasets. {_intervals(overall)}",
        f"Latency, throughput and memory of {overall.setting.words}; memory is that of the weights and the peak above them."
        if overall.setting
        else "Latency, throughput and memory were not measured: harness bench measures them.",
        "Parameters with embeddings; training of one run on each dataset that counts, added.",
        pretrainings_note(standing.entry for row in overall.rows for standing in row.standings.values()),
    ]
    return tuple(filter(None, found))


def _intervals(overall: Overall) -> str:
    """What the intervals are over."""
    if overall.from_seeds and set(overall.from_seeds) == set(overall.datasets):
        return "Intervals are over new seeds alone, as the predictions were not read."
    these = "this dataset" if len(overall.datasets) == 1 else "these datasets"
    alone = f"; over seeds alone, as the predictions were not read: {', '.join(overall.from_seeds)}"
    return f"Intervals are over new seeds and new examples of {these}{alone if overall.from_seeds else ''}."
