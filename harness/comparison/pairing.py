"""Find the two sides of a comparison by their names, and the entries of both that may be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.comparison.entries import Entry, entries
from harness.comparison.paired_test import Predictions
from harness.errors import InputError
from harness.registry import suggestion
from harness.store import RECORD, RunRecord, Store, read_record
from harness.store.record import TrainedOn, is_finished_run


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: as the user typed it.
        entries: at most one for each dataset, fingerprint, options and recipe.
        predictions: reads the predictions of their runs.
    """

    name: str
    entries: tuple[Entry, ...]
    predictions: Predictions


def side(name: str, store: Store, records: Sequence[RunRecord]) -> Side:
    """The entries that a name means.

    The name of pretrained weights means their runs alone, although `entries` pools pretrainings that differ only in their seed;
    the pool has its own name, such as ``pretrained-10M``.

    Args:
        name: the name of a model that has one of its own; or ``MODEL``, ``MODEL:SIZE``, ``MODEL@WEIGHTS``,
            ``MODEL:SIZE@WEIGHTS``, or the folder of one run.
        store: of the runs.
        records: all runs of the store.

    Raises:
        InputError: there is no such run, or the name means several encoders.
    """
    if (Path(name) / RECORD).is_file():
        record = read_record(Path(name) / RECORD)
        if not is_finished_run(record):
            raise InputError(f"{name} holds no finished run that this version reads; run it again")
        return Side(name, tuple(entries([record])), Store(Path(name).resolve().parent).predictions)
    encoder, _, weights = name.partition("@")
    model, _, size = encoder.partition(":")
    there = entries(_of_checkpoint(weights, records))
    found = [entry for entry in there if entry.is_named and entry.model == name] or [
        entry
        for entry in there
        if entry.model == model and size in ("", entry.size) and weights in ("", entry.weights, *entry.checkpoints)
    ]
    if not found:
        known = entries(records)
        names = sorted({entry.model for entry in known} | {entry.full_name for entry in known})
        raise InputError(f"{store.folder} has no finished run of {name!r}{suggestion(name, names)}")
    if len(encoders := sorted({entry.full_name for entry in found})) > 1:
        raise InputError(f"{name!r} means {len(encoders)} encoders in {store.folder}; name one: {', '.join(encoders)}")
    seen: set[str] = set()
    for entry in found:
        shared = json.dumps([_data(entry), entry.recipe], sort_keys=True)
        if shared in seen:
            raise InputError(
                f"{store.folder} has several entries of {name!r} on {entry.dataset}: other weights of this name, or the same "
                "weights run by other engines; give the folder of a run instead"
            )
        seen.add(shared)
    return Side(name, tuple(found), store.predictions)


def pairs(
    ours: Side, theirs: Side, task: str | None = None, any_recipe: bool = False, test: str | None = None
) -> list[tuple[Entry, Entry]]:
    """The pairs of entries of both sides with the same examples and, except for the learning rate, the same recipe.

    Scores on a test set are compared only after training on the same dataset.

    Args:
        ours, theirs: the sides.
        task: ``family`` or ``family/dataset`` of the training: only these.
        any_recipe: compare across recipes too, if a dataset has no pair with the same recipe.
        test: ``family/dataset``: only the scores on this dataset.

    Raises:
        InputError: they share no dataset, or a dataset that they share was run on different examples, with different
            options or by different recipes.
    """
    left = [entry for entry in ours.entries if _asked(entry, task, test)]
    right = [entry for entry in theirs.entries if _asked(entry, task, test)]
    shared = sorted({entry.where for entry in left} & {entry.where for entry in right})
    if not shared:
        asked = f" in {task}" if task else ""
        tested = f" with the test set {test}" if test else ""
        raise InputError(
            f"{ours.name} and {theirs.name} have no dataset in common{asked}{tested}: "
            f"{ours.name} was run on {_datasets(ours)}, {theirs.name} on {_datasets(theirs)}"
        )
    found = []
    for where in shared:
        each = [(one, other) for one in left for other in right if one.where == other.where == where]
        same_data = [pair for pair in each if _data(pair[0]) == _data(pair[1])]
        if not same_data:
            raise InputError(_different_data(*each[0]))
        same_recipe = [pair for pair in same_data if pair[0].recipe == pair[1].recipe]
        if not same_recipe and not any_recipe:
            raise InputError(_different_recipe(*same_data[0]))
        found += same_recipe or same_data
    for one, other in found:
        if one.metric != other.metric:
            raise InputError(f"{one.dataset} was scored by {one.metric} and by {other.metric}; run one of them again")
        if {run["key"] for run in one.runs} & {run["key"] for run in other.runs}:
            raise InputError(f"{ours.name} and {theirs.name} share runs; name two encoders")
    return found


def _of_checkpoint(weights: str, records: Sequence[RunRecord]) -> Sequence[RunRecord]:
    """The records without those of other pretrainings, if these weights are from a pretraining; otherwise all of them."""
    named = {_pretraining(record) for record in records if record["model"]["weights"] == weights} - {None}
    return [record for record in records if _pretraining(record) in {None, *named}] if named else records


def _pretraining(record: RunRecord) -> tuple[str, int] | None:
    """What identifies the pretraining of a run's weights; ``None`` if there was none."""
    origin = record["model"].get("pretraining")
    return (origin["group"], origin["seed"]) if origin else None


def _asked(entry: Entry, task: str | None, test: str | None) -> bool:
    trained_on = entry.trained_on["dataset"] if entry.trained_on else entry.dataset
    return task in (None, trained_on, trained_on.partition("/")[0]) and test in (None, entry.dataset)


def _datasets(side: Side) -> str:
    return ", ".join(sorted({entry.where for entry in side.entries}))


def _options(entry: Entry) -> Mapping[str, str]:
    return entry.runs[0]["task"]["options"]


def _data(entry: Entry) -> tuple[str, str, Mapping[str, str], TrainedOn | None]:
    return entry.dataset, entry.fingerprint, _options(entry), entry.trained_on


def _different_data(one: Entry, other: Entry) -> str:
    if one.trained_on != other.trained_on and one.trained_on and other.trained_on:
        mine, theirs = one.trained_on["fingerprint"], other.trained_on["fingerprint"]
        return (
            f"{one.model} and {other.model} were trained on different examples of {one.trained_on['dataset']} before the test on "
            f"{one.dataset} (fingerprints {mine[:12]} and {theirs[:12]}); run one of them again, or choose others with --test"
        )
    if one.fingerprint != other.fingerprint:
        return (
            f"{one.model} and {other.model} were run on different examples of {one.dataset} (fingerprints "
            f"{one.fingerprint[:12]} and {other.fingerprint[:12]}); run one of them again, or choose others with --task"
        )
    return (
        f"{one.model} and {other.model} were run on {one.dataset} with different options "
        f"({differences(_options(one), _options(other))}); run one of them again, or choose others with --task"
    )


def _different_recipe(one: Entry, other: Entry) -> str:
    return (
        f"{one.model} and {other.model} were trained on {one.dataset} by different recipes "
        f"({differences(one.recipe, other.recipe)}); run one of them again, or add --any-recipe"
    )


def differences(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    """``epochs 1.0 and 2.0, precision fp32 and bf16``."""
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return ", ".join(f"{name} {one.get(name)} and {other.get(name)}" for name in names)
