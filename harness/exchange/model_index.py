"""Runs as Hugging Face model-card metadata: the ``model-index`` in a README's front matter.

The format is Hugging Face's (docs/hub/model-cards, "Evaluation results"); `huggingface_hub` writes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from harness.comparison.entries import Entry, entries
from harness.comparison.intervals import interval_over_seeds
from harness.errors import InputError
from harness.exchange.published import published
from harness.store import RECORD, RunRecord, Store, read_record
from harness.store.record import is_finished_run, is_trial

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

TASK_TYPES = {
    "token": "token-classification",
    "span": "question-answering",
    "sequence": "text-classification",
    "multi_label": "text-classification",
    "regression": "sentence-similarity",
}
"""Head -> the hub's name for its kind of task."""
_SHORTEST_KEY = 4


def find_run(text: str, store: Store) -> RunRecord:
    """The record of a run that a user names by its folder, or by its key or the beginning of it.

    Raises:
        InputError: there is no such run, more than one, or it has no scores.
    """
    if (Path(text) / RECORD).is_file():
        found = [Path(text) / RECORD]
    elif len(text) >= _SHORTEST_KEY and text.isalnum():
        named = sorted(store.folder.glob(f"*_{text}*/{RECORD}"))
        # Copies, such as "KEY (copy)", are no runs of their own.
        found = [file for file in named if file.parent.name.rpartition("_")[2].isalnum()]
    else:
        found = []
    if not found:
        raise InputError(
            f"{text!r} is neither a run's folder nor the key of a run in {store.folder}; --out names a store"
        )
    if len(found) > 1:
        raise InputError(f"{len(found)} runs in {store.folder} have a key that begins with {text}; give more of it")
    record = read_record(found[0])
    if not is_finished_run(record):
        raise InputError(f"{found[0]} is not a record of a finished run")
    return record


def front_matter(
    records: Sequence[RunRecord], name: str | None = None, repeats: Callable[[RunRecord], bool] = lambda record: True
) -> str:
    """The YAML between the two lines ``---`` of a model card, with the test scores of runs of one model.

    Runs that differ only in their seed are one result: the median with its 95 % interval over seeds. Of several learning rates the
    one with the best dev score counts.

    Args:
        records: finished runs.
        name: of the model on the card; by default the name in the runs.
        repeats: whether the command in a record repeats its run; others are left out.

    Raises:
        InputError: the runs are of different models, a trial is among them, or runs on one dataset differ in more than seed and
            learning rate.
    """
    from huggingface_hub import ModelCardData

    commands = {record["key"]: _command(record) for record in records if repeats(record)}
    records = [published(record) for record in records]
    models = {_model_name(record) for record in records}
    if len(models) > 1:
        raise InputError(f"a model card is of one model, and these runs are of {', '.join(sorted(models))}")
    if trial := next((record for record in records if is_trial(record)), None):
        raise InputError(f"the run on {trial['task']['dataset']} is a trial; run it without --test-limit for a card")
    found = entries(records)
    places = [entry.where for entry in found]
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise InputError(
            f"two of the runs are on {twice} and differ in more than their seed; a model card has one score of each metric, so "
            "choose the runs of one recipe"
        )
    results = [result for entry in found for result in _results(entry, commands)]
    data = ModelCardData(model_name=name or models.pop(), eval_results=results)
    return f"{data.to_yaml().strip()}\n"


def _command(record: RunRecord) -> str | None:
    """The command without paths of the machine."""
    return published(record).get("command") or None


def _model_name(record: RunRecord) -> str:
    """Of a published record, in which a folder of weights already has its name for readers."""
    model = record["model"]
    if "architecture" in model:
        return model["name"]
    if model["weights"] in ("scratch", "hub"):
        return f"{model['name']}-{model['size']}"
    weights = model["weights"]
    return weights if model["name"] in weights else f"{model['name']}-{weights}"


def _results(entry: Entry, commands: Mapping[str, str | None]) -> list[EvalResult]:
    """One result for each metric of the whole test set that all runs have."""
    from huggingface_hub import EvalResult

    task = entry.runs[0]["task"]
    hub_id, at, revision = task["origin"].partition("@")
    from_hub = bool(at) and re.fullmatch(r"[\w.-]+/[\w.-]+", hub_id) is not None
    about = {"fingerprint": task["fingerprint"]} | (
        {"trained_on": entry.trained_on["dataset"]} if entry.trained_on else {}
    )
    tests = [run["scores"]["test"] for run in entry.runs]
    shared = [name for name in tests[0] if "." not in name and all(name in test for test in tests)]
    return [
        EvalResult(
            task_type=_task_type(task["name"]),
            task_name=task["name"],
            dataset_type=hub_id if from_hub else task["dataset"],
            dataset_name=task["dataset"],
            dataset_split="test",
            dataset_revision=revision if from_hub else None,
            dataset_args=about,
            metric_type=metric,
            metric_name=metric,
            metric_value=median(entry.scores(metric)),
            metric_args=_spread(entry, metric) | (_source(entry, commands) if metric == task["metric"] else {}) or None,
        )
        for metric in shared  # a card has no scores of single types and subsets
    ]


def _spread(entry: Entry, metric: str) -> dict[str, object]:
    """The interval over seeds and the score of each; empty with one seed."""
    scores = entry.scores(metric)
    if len(scores) < 2:
        return {}
    # Other metrics than the main one may be below 0, as correlations, or above 1, as errors in the unit of the data.
    lowest, highest = (entry.lowest, 1.0) if metric == entry.metric else (-math.inf, math.inf)
    _, low, high = interval_over_seeds(scores, lowest, entry.pretrainings, highest=highest)
    return {
        "statistic": f"median over {len(scores)} runs",
        "interval_95": [round(end, 6) for end in (low, high)],
        "scores": scores,
    }


def _source(entry: Entry, commands: Mapping[str, str | None]) -> dict[str, object]:
    """The seeds and the commands of the runs, where the commands repeat them."""
    found = [commands.get(run["key"]) for run in entry.runs]
    if None in found:
        return {}
    if len(found) == 1:
        return {"command": found[0]}
    return {"seeds": [run["seed"] for run in entry.runs], "commands": found}


def _task_type(family: str) -> str:
    from tasks import TASKS

    return TASK_TYPES.get(TASKS[family].head, "feature-extraction") if family in TASKS else "other"
