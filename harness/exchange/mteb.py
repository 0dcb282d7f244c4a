"""Results of MTEB: one JSON file per task, as mteb writes them, including versions before 1.11.

{"task_name": "NFCorpus", "dataset_revision": "...", "mteb_version": "2.1.0", "evaluation_time": 12.0,
 "scores": {"test": [{"hf_subset": "default", "languages": ["eng-Latn"], "main_score": 0.3, "ndcg_at_10": 0.3}]}}

mteb itself reads them, so both refuse the same files. The model's name is in ``model_meta.json`` beside
a file, or in the folders above it (``org__model/revision/Task.json``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import InputError, on_one_line
from harness.exchange.imported import SPLIT_NAMES, Imported, files_in, json_of, numbers
from harness.exchange.published import published
from harness.progress import stderr
from harness.store.record import RunRecord

MODEL_FILE = "model_meta.json"
_LEFT_OUT = "train"
"""The split whose scores are not imported: in every other place of the harness, train is what a model learned from."""


def read(paths: Sequence[str], model: str | None) -> Iterator[tuple[Path, Imported]]:
    """The scores in files and folders, one per subset.

    Args:
        paths: result files, or folders of them.
        model: the model's name; ``None`` to take it from the files or their folders.

    Raises:
        InputError: a file is not an MTEB result or has no scores, its model is unknown, or all scores are on train.
    """
    found = False
    for file in files_in(paths, "*.json", leave_out=(MODEL_FILE,)):
        for imported in _of_file(file, model):
            found = True
            yield file, imported
    if not found:
        raise InputError(
            f"{', '.join(paths)}: all scores are on {_LEFT_OUT}, so there is nothing to import; name results on other splits"
        )


def _of_file(file: Path, model: str | None) -> Iterator[Imported]:
    from mteb.results import TaskResult

    content = json_of(file, "MTEB result")
    if not isinstance(content, dict) or not {"task_name", "mteb_dataset_name"} & content.keys():
        raise InputError(f"{file} is not an MTEB result: it names no task")
    try:
        result = TaskResult.from_disk(file)
    except Exception as error:  # from pydantic, or from anything that a task unknown to this mteb raises
        raise InputError(
            f"{file} is not an MTEB result that mteb can read: {type(error).__name__}: {on_one_line(error, 200)}"
        ) from error
    if not any(result.scores.values()):
        raise InputError(f"{file} holds no scores of {result.task_name}; leave it out, or evaluate the model again")
    if result.scores.get(_LEFT_OUT):
        stderr.print(f"note: the scores on {_LEFT_OUT} in {file} are left out")
    name, revision = (model, None) if model else _model_of(file)
    kind, metric = _task_of(result.task_name)
    by_subset: dict[str, dict[str, dict[str, float]]] = {}
    languages: dict[str, list[str]] = {}
    for split, subsets in result.scores.items():
        for scores in subsets if split != _LEFT_OUT else ():
            found = numbers(scores)
            main = found.pop("main_score", None)
            if main is None:
                raise InputError(f"{file} has no main score of {result.task_name} on {split}")
            found.setdefault(metric, main)
            by_subset.setdefault(scores["hf_subset"], {})[SPLIT_NAMES.get(split, split)] = found
            languages[scores["hf_subset"]] = list(scores["languages"])
    for subset, by_split in by_subset.items():
        yield Imported(
            "mteb",
            name,
            kind,
            result.task_name,
            metric,
            by_split,
            revision,
            result.dataset_revision,
            None if len(by_subset) == 1 and subset == "default" else subset,
            tuple(languages[subset]),
            version=result.mteb_version,
        )


def _model_of(file: Path) -> tuple[str, str | None]:
    """Name and revision of the model, from the file beside it or the folders above it."""
    beside = file.parent / MODEL_FILE
    if beside.is_file():
        meta = json_of(beside, "description of a model")
        if isinstance(meta, dict) and meta.get("name"):
            return str(meta["name"]), meta.get("revision")
    for folder in (file.parent, file.parent.parent):
        if "__" in folder.name:
            revision = None if folder == file.parent else file.parent.name
            return folder.name.replace("__", "/"), revision
    raise InputError(f"no file or folder near {file} names its model; give its name with --model")


def _task_of(name: str) -> tuple[str, str]:
    """MTEB's kind of a task and the name of its main metric, or placeholders for a task that this mteb does not know."""
    import mteb

    try:
        metadata = mteb.get_task(name).metadata
    except KeyError:
        return "unknown", "main_score"
    return str(metadata.type), str(metadata.main_score)


def write(record: RunRecord, folder: Path) -> Path:
    """Write a retrieval run as mteb writes its results: ``MODEL/KEY/TASK.json`` with ``model_meta.json`` beside it.

    The task has MTEB's name if exactly one of MTEB's retrieval tasks is called like the dataset, else the dataset's own.

    Args:
        record: a finished run whose test scores are those of rankings, and no trial, which the format cannot mark.
        folder: of results; made if it is missing.

    Returns:
        The file of the task.

    Raises:
        OSError: it cannot be written.
    """
    from mteb.results import TaskResult

    shown = published(record)
    task, model = shown["task"], shown["model"]
    name, languages = _named_by_mteb(task["dataset"].partition("/")[2])
    scores = {metric: value for metric, value in shown["scores"]["test"].items() if "." not in metric}
    main = {"main_score": scores[task["metric"]], "hf_subset": "default", "languages": languages}
    content = {
        "dataset_revision": task["origin"].partition("@")[2] or f"sha256:{task['fingerprint']}",
        "task_name": name,
        "mteb_version": None,  # another program measured this
        "scores": {"test": [scores | main]},
        "evaluation_time": sum(shown["seconds"].get(stage, 0.0) for stage in ("predict", "score")),
        "kg_co2_emissions": None,
    }
    named = model["name"] if "architecture" in model else f"{model['name']}-{model['size']}"
    encoder = f"encoder-harness/{named}"
    target = folder / encoder.replace("/", "__") / shown["key"]
    target.mkdir(parents=True, exist_ok=True)
    about = {"name": encoder, "revision": shown["key"], "n_parameters": model["params_total"], "framework": ["PyTorch"]}
    (target / MODEL_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    file = target / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.json"
    TaskResult.model_validate(content).to_disk(file)
    return file


def _named_by_mteb(dataset: str) -> tuple[str, list[str]]:
    """MTEB's name and languages of a retrieval dataset; its own name and no language if MTEB has none or several of the name."""
    import mteb

    known = [task.metadata for task in mteb.get_tasks(task_types=["Retrieval"])]
    same = [one for one in known if _letters(one.name) == _letters(dataset)]
    if len(same) != 1:
        return dataset, []
    languages = same[0].hf_subsets_to_langscripts
    return str(same[0].name), [str(one) for one in next(iter(languages.values()), [])]


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
