"""The table of ``harness compare``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.comparison.entries import Entry
from harness.comparison.paired_test import SIGNIFICANCE, Comparison
from harness.comparison.stats import Estimate
from harness.report.recipe_words import apart
from harness.report.table import Column, Look, Table, as_rich, frame_of
from harness.terminal import drawn


def _interval(form: str) -> Callable[[Estimate], str]:
    """Shows a value above its interval."""
    return lambda estimate: "{}\n[{}, {}]".format(*map(form.format, (estimate.value, estimate.low, estimate.high)))


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


_COLUMNS = (
    Column("dataset, metric"),
    Column("seeds", number=True),
    Column("A", _interval("{:.4f}"), number=True),
    Column("B", _interval("{:.4f}"), number=True),
    Column("A - B", _interval("{:+.4f}"), number=True),
    Column("p", _p, number=True),
    Column("p (Holm)", _p, number=True),
    Column("P(A > B)", _interval("{:.2f}"), number=True),
    Column("detectable", "{:.4f}", number=True),
)


def rows(comparisons: Sequence[Comparison]) -> list[dict[str, object]]:
    """One flat row for each dataset, with every number; ``apart`` is what tells several rows of one dataset apart."""
    return [
        {
            "dataset": found.ours.dataset,
            "apart": words,
            **({"trained_on": found.ours.trained_on["dataset"]} if found.ours.trained_on else {}),
            "fingerprint": found.ours.fingerprint,
            "metric": found.ours.metric,
            "n_examples": found.n_examples,
            **{
                f"{name}_{key}": value
                for name, entry, score in (("a", found.ours, found.our_score), ("b", found.theirs, found.their_score))
                for key, value in _side(entry, score).items()
            },
            "difference": found.difference.estimate.value,
            "difference_low": found.difference.estimate.low,
            "difference_high": found.difference.estimate.high,
            "over_seeds": found.difference.over_seeds,
            "p": found.difference.p,
            "p_holm": found.p_holm,
            "significant": found.significant,
            "probability_of_improvement": found.improvement.value,
            "probability_of_improvement_low": found.improvement.low,
            "probability_of_improvement_high": found.improvement.high,
            "minimum_detectable_difference": found.difference.minimum_detectable,
            "notes": list(found.notes),
        }
        for found, words in zip(comparisons, _apart(comparisons), strict=True)
    ]


def _side(entry: Entry, score: Estimate) -> dict[str, object]:
    return {
        "encoder": entry.full_name,
        "weights": entry.weights,
        "learning_rate": entry.learning_rate or None,
        "seeds": [run["seed"] for run in entry.runs],
        "score": score.value,
        "score_low": score.low,
        "score_high": score.high,
    }


def as_text(comparisons: Sequence[Comparison], ours: str, theirs: str, split: str) -> str:
    """The table, what its columns mean, a sentence for each dataset, and the notes."""
    title = f"A = {ours}, B = {theirs}, {split}: mean over seeds [95 % interval over new seeds and examples]"
    looks: dict[tuple[int, str], Look] = {
        (number, "p (Holm)"): "strong" for number, found in enumerate(comparisons) if found.significant
    }
    places = _places(comparisons)
    table = Table(frame_of(map(_shown, comparisons, places)), _COLUMNS, title=title, looks=looks)
    meaning = (
        "p: approximate randomisation. P(A > B): probability that a new run of A scores higher, ties count half. detectable: "
        f"the true difference that as many seeds and examples find with power 0.8 at {_shared_level(len(comparisons))}."
    )
    notes = dict.fromkeys(f"note: {note}" for found in comparisons for note in found.notes)
    return drawn(as_rich(table), *map(sentence, comparisons, places), meaning, *notes)


def _shared_level(comparisons: int) -> str:
    """The level of significance in words."""
    return "5 %" if comparisons == 1 else f"5 % / {comparisons}"


def _apart(comparisons: Sequence[Comparison]) -> list[str]:
    """What of data and recipe tells each comparison from others on its dataset, in a few words; empty if it is the only one."""
    together: defaultdict[str, list[Entry]] = defaultdict(list)
    for found in comparisons:
        together[found.ours.where].append(found.ours)
    return [apart(replace(found.ours, trained_on=None), together[found.ours.where]) for found in comparisons]


def _places(comparisons: Sequence[Comparison]) -> list[str]:
    """The dataset of each comparison, with what tells it from others on it: ``ner/wnut17, epochs 9``."""
    return [
        ", ".join(filter(None, (found.ours.where, words)))
        for found, words in zip(comparisons, _apart(comparisons), strict=True)
    ]


def _shown(found: Comparison, place: str) -> dict[str, object]:
    return {
        "dataset, metric": f"{place}\n{found.ours.metric}",
        "seeds": f"{found.ours.seeds_shown}, {found.theirs.seeds_shown}",
        "A": found.our_score,
        "B": found.their_score,
        "A - B": found.difference.estimate,
        "p": found.difference.p,
        "p (Holm)": found.p_holm,
        "P(A > B)": found.improvement,
        "detectable": found.difference.minimum_detectable,
    }


def sentence(found: Comparison, place: str) -> str:
    """What the numbers say of one dataset."""
    difference = found.difference.estimate.value
    if not found.significant:
        return (
            f"{place}: No significant difference (p {_p(found.p_holm)} after correction). "
            f"This test could detect one of {found.difference.minimum_detectable:.2g} or more."
        )
    better, worse = (found.ours, found.theirs) if difference > 0 else (found.theirs, found.ours)
    return (
        f"{place}: {better.full_name} is better than {worse.full_name} by {abs(difference):.4f} "
        f"{found.ours.metric} (p {_p(found.p_holm)} after correction, below {SIGNIFICANCE:g})."
    )
