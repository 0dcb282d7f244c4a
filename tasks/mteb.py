"""MTEB: any of its tasks by name, read, run and scored by the package mteb (Muennighoff et al., 2023).

Nothing is trained; the given weights are scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.registry import suggestion
from tasks.data import Data, DatasetInfo, Split
from tasks.task import Row

if TYPE_CHECKING:
    from mteb import AbsTask

METRIC = "main_score"
Scores = Mapping[str, float]


def _known(name: str, hub_id: str, revision: str, description: str, licence: str) -> DatasetInfo:
    return DatasetInfo(name, "hub", description, licence, hub_id=hub_id, revision=revision)


# The commits that mteb 2.26 reads, for the user's information only: mteb itself decides.
_SCIFACT = _known(
    "SciFact",
    "mteb/scifact",
    "d56462d0e63a25450459c4f213e49ffdb866f7f9",
    "retrieval, as retrieval/scifact; any other task of MTEB by its name there",
    "CC-BY-NC-2.0",
)
_NFCORPUS = _known(
    "NFCorpus",
    "mteb/nfcorpus",
    "ec0fa4fe99da2ff19ca1214b7966684033a58814",
    "retrieval of medical texts for lay questions",
    "unknown",
)
DATASETS = {info.name: info for info in (_SCIFACT, _NFCORPUS)}


class Mteb:
    """The family of MTEB's tasks. Its examples are subsets of a task: pairs of mteb's split and subset."""

    family = "mteb"
    description = "any task of MTEB by its name there, untrained"
    head = "mteb"
    metric = METRIC
    default_dataset = "SciFact"
    datasets: Mapping[str, DatasetInfo] = DATASETS
    defaults: Mapping[str, object] = {"max_length": 512}

    def identity(self, dataset: str, data_dir: str | None) -> str:
        """See `Task.identity`: the repository and commit that mteb reads."""
        source = find(dataset).metadata.dataset
        return f"{source['path']}@{source.get('revision')} {dataset}"

    def has_training(self, dataset: str, data_dir: str | None) -> bool:
        """See `ZeroShot.has_training`: never."""
        return False

    def load(self, dataset: str, data_dir: str | None, skip_bad: bool = False) -> Data:
        """See `Task.load`: only what will be scored; mteb reads the texts."""
        return data_of(find(dataset))

    def score(self, examples: Sequence[tuple[str, str]], predictions: Sequence[Scores]) -> dict[str, float]:
        """The means over subsets of every metric under mteb's name; ``main_score`` is the one that MTEB ranks by."""
        names = (
            [name for name in predictions[0] if all(name in scores for scores in predictions)] if predictions else []
        )
        return {name: sum(scores[name] for scores in predictions) / len(predictions) for name in names}

    def rows(self, examples: Sequence[tuple[str, str]], predictions: Sequence[Scores]) -> list[Row]:
        """One row per subset, with its scores."""
        return [
            {
                "id": f"{split}/{subset}",
                "gold": None,
                "predicted": None,
                "scores": dict(scores),
                "terms": [scores[METRIC], 1],
            }
            for (split, subset), scores in zip(examples, predictions, strict=True)
        ]

    def texts(self, example: tuple[str, str]) -> tuple[str, ...]:
        """See `Task.texts`: the name of the subset, because mteb does not expose the texts."""
        return example


MTEB = Mteb()


def find(name: str) -> AbsTask:
    """mteb's task of this name, reduced to its English subsets if it has any.

    Raises:
        InputError: there is no such task, or it needs more than text.
    """
    import mteb

    try:
        task = mteb.get_task(name)
    except KeyError:
        known = [task.metadata.name for task in mteb.get_tasks(modalities=["text"], exclusive_modality_filter=True)]
        close = suggestion(name, known)
        raise InputError(f"MTEB has no task {name!r}{close if close.startswith('; did') else ''}") from None
    if set(task.metadata.modalities) != {"text"}:
        raise InputError(f"mteb/{name} needs {', '.join(task.metadata.modalities)}, but the encoders here read text")
    english = mteb.get_task(name, languages=["eng"])
    return english if english.hf_subsets else task


def data_of(task: AbsTask) -> Data:
    """The splits of a task to score: ``test``, or the last one that it is evaluated on, and its dev split."""
    subsets = list(task.hf_subsets)
    evaluated = list(task.eval_splits)
    test = "test" if "test" in evaluated else evaluated[-1]
    dev = next((split for split in evaluated if split in ("dev", "validation") and split != test), None)
    splits: dict[Split, list[tuple[str, str]]] = {
        "train": [],
        "dev": [(dev, subset) for subset in subsets] if dev else [],
        "test": [(test, subset) for subset in subsets],
    }
    path, revision = task.metadata.dataset["path"], task.metadata.dataset.get("revision")
    origin = f"{path}@{revision}"
    digest = hashlib.sha256(f"{task.metadata.name} {origin} {splits}".encode()).hexdigest()
    notes = (f"scored by mteb {version('mteb')} on its split {test}",)
    return Data(splits, (), origin, digest, notes)
