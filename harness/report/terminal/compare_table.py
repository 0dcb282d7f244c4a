"""The table of ``harness compare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.comparison.paired_test import SIGNIFICANCE, Comparison
from harness.comparison.pairing import full_name
from harness.comparison.stats import Estimate
from harness.terminal import drawn


def rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """One flat row a dataset, with every number."""
    return [
        {
            "dataset": found.ours.dataset,
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
        for found in comparisons
    ]


def _side(entry: Any, score: Estimate) -> dict[str, Any]:
    return {
        "encoder": full_name(entry),
        "weights": entry.weights,
        "learning_rate": entry.learning_rate,
        "seeds": [run["seed"] for run in entry.runs],
        "score": score.value,
        "score_low": score.low,
        "score_high": score.high,
    }


def as_text(comparisons: Sequence[Comparison], ours: str, theirs: str, split: str) -> str:
    """The table, what its columns mean, a sentence for each dataset, and the notes."""
    title = f"A = {ours}, B = {theirs}, {split}: mean over seeds [95 % interval over new seeds and examples]"
    table = Table(title=title)
    table.add_column("dataset, metric")
    for name in ("seeds", "A", "B", "A - B", "p", "p (Holm)", "P(A > B)", "detectable"):
        table.add_column(name, justify="right")
    for found in comparisons:
        difference = found.difference
        table.add_row(
            f"{found.ours.dataset}\n{found.ours.metric}",
            f"{len(found.ours.runs)}, {len(found.theirs.runs)}",
            *(_interval(score, "{:.4f}") for score in (found.our_score, found.their_score)),
            _interval(difference.estimate, "{:+.4f}"),
            _p(difference.p),
            Text(_p(found.p_holm), "bold") if found.significant else _p(found.p_holm),
            _interval(found.improvement, "{:.2f}"),
            f"{difference.minimum_detectable:.4f}",
        )
    meaning = (
        "p: approximate randomisation. P(A > B): that a new run of A scores higher, ties half. detectable: the true "
        "difference that as many seeds and examples find with power 0.8 at 5 %."
    )
    notes = dict.fromkeys(f"note: {note}" for found in comparisons for note in found.notes)
    return drawn(table, *map(sentence, comparisons), meaning, *notes)


def sentence(found: Comparison) -> str:
    """What the numbers say of one dataset."""
    difference = found.difference.estimate.value
    if not found.significant:
        return (
            f"{found.ours.dataset}: No significant difference (p {_p(found.p_holm)} after correction). "
            f"This test could detect one of {found.difference.minimum_detectable:.2g} or more."
        )
    better, worse = (found.ours, found.theirs) if difference > 0 else (found.theirs, found.ours)
    return (
        f"{found.ours.dataset}: {full_name(better)} is better than {full_name(worse)} by {abs(difference):.4f} "
        f"{found.ours.metric} (p {_p(found.p_holm)} after correction, below {SIGNIFICANCE:g})."
    )


def _interval(estimate: Estimate, form: str) -> str:
    return f"{form.format(estimate.value)}\n[{form.format(estimate.low)}, {form.format(estimate.high)}]"


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
