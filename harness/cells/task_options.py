"""Options of a task, as a user gives them and as a cell holds them."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import InputError
from harness.registry import suggestion
from tasks import TASKS
from tasks.task import DECLARED, Configurable, ReadsTags, Task

Options = tuple[tuple[str, str], ...]


def find_task(family: str, options: Options, strict_tags: bool) -> Task:
    """The task of a family with these options.

    Raises:
        InputError: there is no such family or option, or a value is not allowed.
    """
    task = with_task_options(TASKS[family], dict(options))
    return task.with_strict_tags() if strict_tags and isinstance(task, ReadsTags) else task


def chosen_options(task: Task) -> Options:
    """The task's options, sorted, without those that a dataset or a checkpoint declares."""
    options = task.options if isinstance(task, Configurable) else {}
    return tuple(sorted(item for item in options.items() if item[1] != DECLARED))


def with_task_options(task: Task, given: Mapping[str, str]) -> Task:
    """The task with these options.

    Raises:
        InputError: it has no such option, or a value is not allowed.
    """
    if isinstance(task, Configurable):
        if unknown := [name for name in given if name not in task.options]:
            raise InputError(f"{task.family} has no option {unknown[0]!r}{suggestion(unknown[0], task.options)}")
        return task.configured(given)
    if given:
        raise InputError(f"{task.family} has no options; leave --task-option {next(iter(given))} out")
    return task
