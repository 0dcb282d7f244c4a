"""The answer in one or two sentences: which model scores highest, or why that cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparison.stats import Estimate
from harness.report.overall.rows import Overall, Row

_NAMED = 3
"""Most models named in a list."""
_NONE_COUNTS = "Nothing can be told: every run is a trial or a test on another dataset than that of the training."


@dataclass(frozen=True)
class Answer:
    """What a reader is told first.

    Attributes:
        text: one or two sentences; empty if there are no scores at all.
        told: whether one model is told from all others.
    """

    text: str
    told: bool = False


def answer(overall: Overall) -> Answer:
    """The answer that the statistics allow.

    A model is called the best only if no other model's interval of the mean rank overlaps its own, and only if the spread
    over seeds is known of a model on every dataset: a single run says nothing about the next. A model with a single run is
    taken to have the widest spread of the others (see `harness.comparison.stats.errors_of_all`), which the answer says.
    """
    models = [*overall.rows, *overall.incomplete]
    if not models:
        return Answer(_NONE_COUNTS if overall.none_counts else "")
    if not overall.datasets:
        return Answer(_all_at_chance(overall))
    if len(models) == 1:
        return Answer(f"There is nothing to compare: only {models[0].name} was run.")
    if len(overall.rows) < 2:
        return Answer(_no_rows(overall))
    best, *others = overall.rows
    rivals = [row for row in others if _overlap(best, row)]
    if overall.single_seed:
        return Answer(_single_seed(overall, best))
    sentences = [_open(overall, best, rivals) if rivals else _told(overall, best, others[0])]
    if faster := _fastest(best, rivals or others):
        sentences.append(_speed(best, faster, overall))
    return Answer(" ".join([*sentences, *_remarks(overall)]), told=not rivals)


def _all_at_chance(overall: Overall) -> str:
    where = overall.at_chance[0] if len(overall.at_chance) == 1 else f"all {len(overall.at_chance)} datasets"
    return f"Nothing can be told: on {where} no model scores above one constant answer."


def _no_rows(overall: Overall) -> str:
    """Which run would make the table comparable."""
    least = min(
        [*overall.rows, *overall.incomplete], key=lambda row: (len(row.missing) or len(overall.datasets) + 1, row.name)
    )
    missing = _listed(least.missing)
    return f"Cannot tell which model is best: no two models were run on the same datasets. Run {least.name} on {missing} too."


def _single_seed(overall: Overall, best: Row) -> str:
    assert best.rank
    first = [row.name for row in overall.rows if row.rank and row.rank.value == best.rank.value]
    has = "has" if len(first) == 1 else "share"
    lacking = "there is no second seed. In these single runs"
    if overall.single_seed != overall.datasets:
        lacking = f"there is no second seed on {_listed(overall.single_seed)}. In these runs"
    return (
        f"Cannot tell which model is best: {lacking} on {_where(overall)} "
        f"{_listed(first)} {has} the best mean rank ({best.rank.value:.1f}). Add seeds with --seeds 0-4."
    )


def _told(overall: Overall, best: Row, second: Row) -> str:
    measure = "mean score" if len(overall.datasets) == 1 else "mean rank"
    deciding = "interval of the rank" if len(overall.datasets) == 1 else "interval"
    return (
        f"On {_where(overall)} {best.name} scores highest ({measure} {_interval(best, overall)}); no other model's {deciding} "
        f"overlaps. The next is {second.name} ({_interval(second, overall)})."
    )


def _open(overall: Overall, best: Row, rivals: Sequence[Row]) -> str:
    has = "the highest mean score" if len(overall.datasets) == 1 else "the best mean rank"
    equal, others = [best.name], list[str]()
    for row in rivals:
        (equal if _measured(row, overall).value == _measured(best, overall).value else others).append(row.name)
    if len(equal) > 1:
        nor_from = f" or from {_listed(others)}" if others else ""
        return (
            f"On {_where(overall)} {_listed(equal)} share {has} ({_value(best, overall)}); they cannot be told from each other"
            f"{nor_from}: {_overlapping(overall, 2)}."
        )
    return (
        f"On {_where(overall)} {best.name} has {has} ({_interval(best, overall)}), but it cannot be told from "
        f"{_listed(others)}: {_overlapping(overall, len(rivals))}."
    )


def _overlapping(overall: Overall, models: int) -> str:
    """Why models cannot be told from another. The intervals of the ranks decide, and where those of scores are shown, it says so."""
    if len(overall.datasets) == 1:
        return "the intervals of their ranks overlap"
    return "its interval overlaps" if models == 1 else "their intervals overlap"


def _where(overall: Overall) -> str:
    return overall.datasets[0] if len(overall.datasets) == 1 else f"these {len(overall.datasets)} datasets"


def _speed(best: Row, faster: Row, overall: Overall) -> str:
    assert best.cost
    assert faster.cost
    assert overall.setting
    times = faster.cost.tokens_per_s / best.cost.tokens_per_s
    return f"{faster.name} is {times:.1f} times as fast as {best.name} at {overall.setting.tokens:,} tokens."


def _fastest(best: Row, others: Sequence[Row]) -> Row | None:
    """The fastest of the others, if it is faster than the best by more than the spread of both."""
    measured = [row for row in others if row.cost]
    if not best.cost or not measured:
        return None
    found = max(measured, key=lambda row: row.cost.tokens_per_s if row.cost else 0.0)
    return found if found.cost and found.cost.slow > best.cost.fast else None


def _remarks(overall: Overall) -> list[str]:
    """What the answer leaves out."""
    told = []
    if len(overall.datasets) == 1:
        told.append("One dataset says nothing about others.")
    if single := [row.name for row in overall.rows if not row.knows_spread]:
        told.append(f"Judged by the spread of the others' seeds, as they have one run: {_listed(single)}.")
    if overall.at_chance:
        told.append(f"Not counted, as no model is above chance: {_listed(overall.at_chance)}.")
    if overall.incomplete:
        told.append(f"Not ranked, as runs are missing: {_listed([row.name for row in overall.incomplete])}.")
    return told


def _overlap(one: Row, other: Row) -> bool:
    return one.rank is not None and other.rank is not None and other.rank.low <= one.rank.high


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b, c and 4 more``."""
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        return f"{', '.join(shown)} and {len(names) - _NAMED} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _measured(row: Row, overall: Overall) -> Estimate:
    """The rank, or the score where there is one dataset."""
    found = row.score if len(overall.datasets) == 1 else row.rank
    assert found
    return found


def _value(row: Row, overall: Overall) -> str:
    value, _, _ = _texts(row, overall)
    return value


def _interval(row: Row, overall: Overall) -> str:
    """The value with its interval."""
    value, low, high = _texts(row, overall)
    return f"{value}, 95 % interval {low} to {high}"


def _texts(row: Row, overall: Overall) -> list[str]:
    digits = 4 if len(overall.datasets) == 1 else 1
    return [f"{number:.{digits}f}" for number in _measured(row, overall)]
