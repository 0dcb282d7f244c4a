"""The registry of tasks."""

from __future__ import annotations

from collections.abc import Mapping

from harness.registry import Registry
from tasks.data import DatasetInfo
from tasks.task import HEADS, LABELLING_HEADS, Task

_TEXTS = ("family", "description", "head", "metric", "default_dataset")
_METHODS = ("identity", "load", "score", "rows", "texts")
_OF_LABELLING = ("encode", "decode")


def fault(entry: object) -> str:
    """Why an object is not a task, as the end of "the task 'x' ..."; empty if it is one."""
    if isinstance(entry, type):
        return f"is the class {entry.__name__}; register an instance of it (docs/plugins.md)"
    for name in _TEXTS:
        if not isinstance(getattr(entry, name, None), str):
            return f"is not a task: it lacks {name}, a text (tasks/task.py has the protocol)"
    head = getattr(entry, "head", None)
    if head not in HEADS:
        return f"has the head {head!r}; there are: {', '.join(HEADS)}"
    for name in _METHODS + (_OF_LABELLING if head in LABELLING_HEADS else ()):
        if not callable(getattr(entry, name, None)):
            return f"is not a task: it lacks the method {name} (tasks/task.py has the protocol)"
    datasets = getattr(entry, "datasets", None)
    if not isinstance(datasets, Mapping) or not all(isinstance(info, DatasetInfo) for info in datasets.values()):
        return "is not a task: its datasets are not a mapping of names to tasks.DatasetInfo"
    if not isinstance(getattr(entry, "defaults", None), Mapping):
        return "is not a task: its defaults are not a mapping of values of the recipe"
    return ""


def _hint(name: str, families: list[str]) -> str:
    from tasks.offer import offer

    return offer(name, families)


TASKS: Registry[Task] = Registry("task", entry_points="encoder_harness.tasks", fault=fault, hint=_hint)
TASKS.register_lazily("ner", "tasks.ner:NER")
TASKS.register_lazily("span", "tasks.span:SPAN")
TASKS.register_lazily("nli", "tasks.classification:NLI")
TASKS.register_lazily("classification", "tasks.classification:CLASSIFICATION")
TASKS.register_lazily("sts", "tasks.similarity:STS")
TASKS.register_lazily("multilabel", "tasks.multilabel:MULTILABEL")
TASKS.register_lazily("needle", "tasks.needle:NEEDLE")
TASKS.register_lazily("retrieval", "tasks.retrieval:RETRIEVAL")
TASKS.register_lazily("rerank", "tasks.rerank:RERANK")
TASKS.register_lazily("mteb", "tasks.mteb:MTEB")
TASKS.register_lazily("lm", "tasks.lm:LM")
TASKS.register_lazily("recall", "tasks.recall:RECALL")
