"""Resolve the names that a user types into cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from harness.cells.candidates import FirstStage
from harness.cells.cell import Cell
from harness.cells.models import Chosen, encoder_for, find_model, fine_tuned_for, ranker_for
from harness.cells.names import own_name
from harness.cells.planned import Planned, TestSet, Unsuited
from harness.cells.recipe import Recipe
from harness.cells.request import Request, ScoreRequest, checked_seed, split_task
from harness.cells.task_options import Options, chosen_options, find_task
from harness.errors import InputError, UnsuitedError
from models import Encoder
from models.architectures import is_location
from models.ranker import RANKERS
from tasks.rerank import Rerank
from tasks.task import ScoredWithoutTraining, Task, measured


def plan(request: Request) -> Planned:
    """Resolve one cell.

    Raises:
        InputError: a name is unknown, or what it names is missing; or model and task cannot go together.
    """
    return _Planner().plan(request)


def plan_all(requests: Sequence[Request]) -> tuple[list[Planned], list[Unsuited]]:
    """Resolve many cells; weights and datasets that they share are inspected once.

    Returns:
        The cells, and once each the models and tasks that cannot go together, whose requests have no cell.

    Raises:
        InputError: a name is unknown, or what it names is missing.
    """
    planner, cells, unsuited = _Planner(), [], {}
    for request in requests:
        try:
            cells.append(planner.plan(request))
        except UnsuitedError as error:
            unsuited[request.model, request.task] = Unsuited(request.model, request.task, str(error))
    return cells, list(unsuited.values())


class _Planner:
    """Resolves requests; looks up only once what several of them share."""

    def __init__(self) -> None:
        self._model, self._task, self._identity = cache(find_model), cache(find_task), cache(self._identity_of)
        self._test_set = cache(self._found_test_set)
        self._planned: dict[object, Planned] = {}

    def plan(self, request: Request) -> Planned:
        """See `harness.cells.plan.plan`; requests that differ only in their seed are resolved once."""
        checked_seed(request.seed)
        like = tuple(str(value) for name, value in vars(request).items() if name != "seed")
        if like not in self._planned:
            self._planned[like] = self._resolve(request)
        same = self._planned[like]
        return replace(same, request=request, cell=replace(same.cell, seed=request.seed))

    def _resolve(self, request: Request) -> Planned:
        family, dataset = split_task(request.task)
        options = tuple(request.task_options.items())
        trains = not isinstance(request, ScoreRequest)
        task = self._task(family, options, request.strict_tags)
        dataset = dataset or task.default_dataset
        task = _reading(task, dataset, request.data_dir, trains)
        chosen = self._chosen(request, task, dataset)
        tests = self._test_sets(request, task, f"{family}/{dataset}", chosen.recipe)
        located = is_location(request.model)
        as_typed = chosen.weights.as_typed(request.model if located else request.weights)
        model = chosen.encoder.name if located or not request.model else request.model
        cell = Cell(
            model=model,
            size=chosen.size,
            weights=as_typed if isinstance(chosen.encoder, Encoder) else chosen.weights.kind,
            task=f"{family}/{dataset}",
            recipe=chosen.recipe,
            seed=request.seed,
            weights_identity=chosen.weights.identity,
            data_identity=self._identity(family, options, request.strict_tags, trains, dataset, request.data_dir),
            task_options=_without_paths(chosen_options(task), chosen.first_stage),
            data_dir=request.data_dir,
            skip_bad=request.skip_bad,
            tests=tuple((test.name, test.identity) for test in tests),
        )
        own = own_name(request, model)
        return Planned(request, cell, chosen.encoder, chosen.weights, task, tests, chosen.fine_tuned, own)

    def _test_sets(self, request: Request, task: Task, trained_on: str, recipe: Recipe) -> tuple[TestSet[Task], ...]:
        """The test sets of a request, by name, without the training dataset, which is scored anyway."""
        if request.test and isinstance(task, Rerank):
            raise InputError(
                f"{task.family} is not tested on other collections; leave --test out, and name it as a --task"
            )
        if request.test and not recipe.trains:
            raise InputError(
                f"nothing is trained on {trained_on}, so there is nothing to test elsewhere; leave --test out and score each "
                "dataset as a --task of its own"
            )
        options = tuple(request.task_options.items())
        found: dict[str, TestSet[Task]] = {}
        for name in request.test:
            test = self._test_set(name, options, request.strict_tags, request.data_dir)
            if test.name in found:
                raise InputError(f"--test names {test.name} twice; each test set is scored once")
            if (test.task.family, test.task.head) != (task.family, task.head):
                why = "needs another head" if test.task.family == task.family else "is of another family"
                raise InputError(
                    f"a model that was trained on {trained_on} cannot be tested on {test.name}, which {why}; "
                    f"--test takes datasets of {task.family}"
                )
            found[test.name] = test
        return tuple(found[name] for name in sorted(found) if name != trained_on)

    def _found_test_set(self, name: str, options: Options, strict_tags: bool, data_dir: str | None) -> TestSet[Task]:
        family, dataset = split_task(name)
        task = self._task(family, options, strict_tags)
        dataset = dataset or task.default_dataset
        task = _reading(task, dataset, data_dir, trains=False)
        return TestSet(f"{family}/{dataset}", task, task.identity(dataset, data_dir))

    def _chosen(self, request: Request, task: Task, dataset: str) -> Chosen:
        if isinstance(request, ScoreRequest):
            return fine_tuned_for(request, task)
        if ranker := RANKERS.get(request.model):
            return ranker_for(request, task, ranker)
        return encoder_for(request, task, dataset, self._model(request.model, request.weights, request.size))

    def _identity_of(
        self, family: str, options: Options, strict_tags: bool, trains: bool, dataset: str, data_dir: str | None
    ) -> str:
        task = _reading(self._task(family, options, strict_tags), dataset, data_dir, trains)
        identity: object = task.identity(dataset, data_dir)
        if not isinstance(identity, str):
            raise InputError(f"the task {family} has the identity {identity!r}, which must be a text")
        return identity


def _reading(task: Task, dataset: str, data_dir: str | None, trains: bool) -> Task:
    """The task as it runs and scores this dataset, which may lack train if nothing is trained on it."""
    task = measured(task, dataset, data_dir)
    return task.for_testing() if isinstance(task, ScoredWithoutTraining) and not trains else task


def _without_paths(options: Options, first_stage: FirstStage | None) -> Options:
    """The options as they count in a key: a first stage by its digest, not by its path."""
    return tuple((name, first_stage.option if first_stage and name == "candidates" else text) for name, text in options)
