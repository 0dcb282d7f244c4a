"""A run as Hugging Face model-card metadata: the ``model-index`` in a README's front matter.

The format is Hugging Face's (docs/hub/model-cards, "Evaluation results"); `huggingface_hub` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.exchange.published import published
from harness.store import RECORD, RunRecord, Store, read_record
from harness.store.record import is_finished_run

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
        found = sorted(store.folder.glob(f"*_{text}*/{RECORD}"))
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


def front_matter(records: Sequence[RunRecord], name: str | None = None) -> str:
    """The YAML between the two lines ``---`` of a model card, with the test scores of runs of one model.

    Args:
        records: finished runs.
        name: of the model on the card; by default the name in the runs.

    Raises:
        InputError: the runs are of different models, or of one dataset more than once.
    """
    from huggingface_hub import ModelCardData

    records = [published(record) for record in records]
    models = {_model_name(record) for record in records}
    if len(models) > 1:
        raise InputError(f"a model card is of one model, and these runs are of {', '.join(sorted(models))}")
    if trial := next((record for record in records if record["recipe"].get("test_limit")), None):
        raise InputError(
            f"the run on {trial['task']['dataset']} is a trial on a sample of the test set; run it without --test-limit for a card"
        )
    datasets = [record["task"]["dataset"] for record in records]
    if twice := next((dataset for dataset in datasets if datasets.count(dataset) > 1), None):
        raise InputError(
            f"two of the runs are on {twice}; a model card has one score of each metric, so choose one run"
        )
    results = [result for record in records for result in _results(record)]
    data = ModelCardData(model_name=name or models.pop(), eval_results=results)
    return f"{data.to_yaml().strip()}\n"


def _model_name(record: RunRecord) -> str:
    model = record["model"]
    return f"{model['name']}-{model['size']}" if model["weights"] in ("scratch", "hub") else Path(model["weights"]).name


def _results(record: RunRecord) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    task = record["task"]
    hub_id, at, revision = task["origin"].partition("@")
    from_hub = bool(at) and re.fullmatch(r"[\w.-]+/[\w.-]+", hub_id) is not None
    return [
        EvalResult(
            task_type=_task_type(task["name"]),
            task_name=task["name"],
            dataset_type=hub_id if from_hub else task["dataset"],
            dataset_name=task["dataset"],
            dataset_split="test",
            dataset_revision=revision if from_hub else None,
            dataset_args={"fingerprint": task["fingerprint"]},
            metric_type=metric,
            metric_name=metric,
            metric_value=value,
            metric_args={"command": record["command"]} if metric == task["metric"] and record.get("command") else None,
        )
        for metric, value in record["scores"]["test"].items()
        if "." not in metric  # a card has no scores of single types and subsets
    ]


def _task_type(family: str) -> str:
    from tasks import TASKS

    return TASK_TYPES.get(TASKS[family].head, "feature-extraction") if family in TASKS else "other"
