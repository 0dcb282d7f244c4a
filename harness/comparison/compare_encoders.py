"""Compare two encoders of a store by their names: the steps that the command and the Python function share."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.comparison.paired_test import Comparison, compare
from harness.comparison.pairing import Side, pairs, side
from harness.errors import InputError
from harness.progress import tell_problem
from harness.store import Store


def compare_encoders(
    names: tuple[str, str],
    store: Store,
    *,
    task: str | None,
    split: Literal["test", "dev"],
    any_recipe: bool,
    resamples: int,
    test: str | None = None,
) -> list[Comparison]:
    """Compare two encoders on every dataset that both were run on.

    Args:
        names: see `harness.comparison.pairing.side`.
        store: where the runs are.
        task: ``family`` or ``family/dataset`` of the training: only these; ``None`` for all.
        split: whose scores are compared.
        any_recipe: compare runs of different recipes too.
        resamples: of intervals and tests.
        test: ``family/dataset``: only the scores on this dataset.

    Raises:
        InputError: a name means no run or several encoders, or the runs are not comparable.
    """
    if not 100 <= resamples <= 1_000_000:
        raise InputError(f"--resamples must be between 100 and 1000000, not {resamples}")
    records = list(store.records(on_problem=tell_problem))
    ours, theirs = (side(name, store, records) for name in names)
    if split == "dev":
        ours, theirs = (_trained_there(one, test) for one in (ours, theirs))
    return compare(pairs(ours, theirs, task, any_recipe, test), ours.predictions, theirs.predictions, split, resamples)


def _trained_there(side: Side, test: str | None) -> Side:
    """The side without test sets, of which no dev split is scored."""
    found = tuple(entry for entry in side.entries if not entry.trained_on)
    if test and not any(entry.dataset == test for entry in found):
        raise InputError(
            f"{side.name} was not trained on {test}, and of a test set no dev split is scored; leave --split dev out"
        )
    return replace(side, entries=found)
