"""Resolve the names that a user types into cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Generic, TypeVar, cast

from harness.cells import vectors
from harness.cells.candidates import with_candidates
from harness.cells.cell import Cell
from harness.cells.names import own_name
from harness.cells.recipe import Recipe
from harness.cells.recipe_field import RecipeValue
from harness.cells.request import SCORE_FIELDS, Request, ScoreRequest, checked_seed, split_task
from harness.errors import InputError, UnsuitedError
from harness.machine import provenance
from harness.machine.libraries import quiet_libraries
from harness.registry import suggestion
from harness.store.record import OWN_SIZE, FailureRecord, FailureStatus, ModelEntry, failure_record
from harness.store.saved_model import SavedModel, saved_in
from models import MODELS, Encoder
from models.architectures import encoder_at, is_location
from models.fine_tuned import AUTO_CLASSES, FineTuned, find_fine_tuned, refuse_other_head
from models.loading import Weights, find_weights
from models.ranker import RANKERS, Ranker
from tasks import TASKS, Task
from tasks.rerank import Rerank
from tasks.task import (
    DECLARED,
    LABELLING_HEADS,
    PRETRAINED_HEADS,
    PROBED_HEADS,
    BringsTokens,
    Configurable,
    ReadsTags,
    ScoredWithoutTraining,
    TakesOtherHeads,
    ZeroShot,
    measured,
)

SCRATCH_LEARNING_RATE = 1e-3
PROBE_LEARNING_RATE = 1e-2
"""Of a head on a frozen encoder: one linear layer takes larger steps than a whole encoder."""
"""Default peak learning rate of an encoder that starts from random weights; a task may have its own."""

Options = tuple[tuple[str, str], ...]
TaskT = TypeVar("TaskT", bound=Task, covariant=True)


@dataclass(frozen=True)
class TestSet(Generic[TaskT]):
    """A dataset that a model is tested on after it was trained on another.

    Attributes:
        name: ``family/dataset``.
        task: reads, decodes and scores it.
        identity: of its examples, see `tasks.task.Task.identity`.
    """

    name: str
    task: TaskT
    identity: str

    @property
    def dataset(self) -> str:
        """The name of the dataset within its family."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class Planned:
    """A cell with the objects of its names, and the request that it was planned for.

    Attributes:
        fine_tuned: the checkpoint that is scored as it is; ``None`` if the cell trains a head or an encoder.
        own_name: of the model in reports, see `harness.cells.names`; empty if it is called as its encoder.
    """

    request: Request
    cell: Cell
    encoder: Encoder | Ranker
    weights: Weights
    task: Task
    tests: tuple[TestSet[Task], ...] = ()
    fine_tuned: FineTuned | None = None
    own_name: str = ""

    @property
    def name(self) -> str:
        """What reports call the model."""
        return self.own_name or self.cell.model

    @property
    def label(self) -> str:
        """The model in a few words: its name, with its size where a registered encoder has several."""
        return self.name if self.cell.size == OWN_SIZE else f"{self.name} {self.cell.size}"

    @property
    def model(self) -> ModelEntry:
        """The model of the cell's record."""
        cell = self.cell
        entry: ModelEntry = {
            "name": self.name,
            "size": cell.size,
            "weights": cell.weights,
            "identity": cell.weights_identity,
        }
        if self.own_name:
            entry["architecture"] = cell.model
        return entry

    @property
    def saved(self) -> SavedModel | None:
        """What the checkpoint that is scored is, if this harness saved it."""
        return saved_in(self.fine_tuned.config) if self.fine_tuned else None

    @property
    def resolved(self) -> Request:
        """The request with nothing left to defaults or to the machine: it gives the same cell on any machine."""
        names = tuple(name for name, _ in self.cell.tests)
        resolved = self.request.resolved(self.cell.task, self.cell.recipe, dict(self.cell.task_options))
        return replace(resolved, test=names)

    def command(self, origin: str) -> str:
        """The command that repeats the run on any machine.

        Args:
            origin: of the data, as the record names it; embedded data need no folder.
        """
        resolved = self.resolved
        return (replace(resolved, data_dir=None) if origin == "embedded" else resolved).command()

    def failure(self, status: FailureStatus, error: str) -> FailureRecord:
        """The record of this cell if it did not finish, with one sentence that says why."""
        cell = self.cell
        return failure_record(
            key=cell.key,
            status=status,
            error=error,
            model=self.model,
            task={
                "name": cell.task.partition("/")[0],
                "dataset": cell.task,
                "options": dict(cell.task_options),
            },
            recipe=cell.recipe.as_record(),
            seed=cell.seed,
            environment=provenance.environment(),
            command=self.resolved.command(),
        )


@dataclass(frozen=True)
class Unsuited:
    """A model and a task that cannot go together."""

    model: str
    task: str
    reason: str


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


@dataclass(frozen=True)
class _Chosen:
    """The resolved encoder or ranker of a request."""

    encoder: Encoder | Ranker
    size: str
    weights: Weights
    recipe: Recipe
    fine_tuned: FineTuned | None = None


class _Planner:
    """Resolves requests; looks up only once what several of them share."""

    def __init__(self) -> None:
        self._weights, self._task, self._identity = cache(find_model), cache(_task), cache(self._identity_of)
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
        task = self._task(family, options, request.strict_tags)
        dataset = dataset or task.default_dataset
        task = measured(task, dataset, request.data_dir)
        ranker = RANKERS.get(request.model)
        if isinstance(request, ScoreRequest):
            chosen = _fine_tuned(request, task)
        else:
            chosen = _ranker(ranker, task, request) if ranker else self._encoder(request, task, dataset)
        tests = self._test_sets(request, task, f"{family}/{dataset}", chosen.recipe)
        located = is_location(request.model)
        model = chosen.encoder.name if located or not request.model else request.model
        cell = Cell(
            model=model,
            size=chosen.size,
            weights=_as_typed(request, located) if isinstance(chosen.encoder, Encoder) else chosen.weights.kind,
            task=f"{family}/{dataset}",
            recipe=chosen.recipe,
            seed=request.seed,
            weights_identity=chosen.weights.identity,
            data_identity=self._identity(family, options, request.strict_tags, dataset, request.data_dir),
            task_options=chosen_options(task),
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
        task = measured(task, dataset, data_dir)
        task = task.for_testing() if isinstance(task, ScoredWithoutTraining) else task
        return TestSet(f"{family}/{dataset}", task, task.identity(dataset, data_dir))

    def _encoder(self, request: Request, task: Task, dataset: str) -> _Chosen:
        encoder, size, weights = self._weights(request.model, request.weights, request.size)
        if task.head in PRETRAINED_HEADS and weights.kind == "scratch":
            raise UnsuitedError(
                f"{request.model} from scratch has no masked-LM head; give --weights a checkpoint of `harness pretrain`, or one "
                "that was published with its masked-LM head"
            )
        if isinstance(task, BringsTokens):
            weights = _without_meaning(task, weights)
        recipe = resolve_recipe(task, weights, request.recipe)
        if recipe.keep_best and task.head not in LABELLING_HEADS:
            raise InputError(
                f"--keep-best is not for {task.family}, which does not score dev while it trains; leave it out"
            )
        if recipe.train == "head" and task.head not in PROBED_HEADS:
            raise InputError(
                f"--train head is not for {task.family}, which has no linear layer of its own to train; leave it out"
            )
        if recipe.test_limit is not None and task.head == "mteb":
            raise InputError(
                f"--test-limit is not for {task.family}, whose package scores whole test sets; leave it out"
            )
        if task.head in vectors.HEADS:
            weights = with_vectors(weights, task)
        if isinstance(task, Rerank):
            weights = with_candidates(weights, task)
        if not trained(task, dataset, request):
            recipe = recipe.untrained()
        return _Chosen(encoder, size, weights, recipe)

    def _identity_of(self, family: str, options: Options, strict_tags: bool, dataset: str, data_dir: str | None) -> str:
        task = measured(self._task(family, options, strict_tags), dataset, data_dir)
        identity: object = task.identity(dataset, data_dir)
        if not isinstance(identity, str):
            raise InputError(f"the task {family} has the identity {identity!r}, which must be a text")
        return identity


def find_model(model: str, weights: str, size: str | None) -> tuple[Encoder, str, Weights]:
    """The encoder, size and weights that a model's name, or its folder or hub id, means.

    Args:
        model: a registered name, a folder or a hub id.
        weights: ``scratch``, ``hub``, a folder or a hub id; of a registered name only.
        size: ``None`` for the default of the weights.

    Raises:
        InputError: a name is unknown, the weights are not usable, or weights or a size are given beside a folder or hub id.
    """
    if is_location(model):
        if weights not in ("scratch", "hub"):
            raise InputError(f"--model {model} names its weights already, so leave --weights {weights} out")
        quiet_libraries()  # the hub's client warns of every retry
        encoder, weights = encoder_at(model), model
    else:
        encoder = MODELS[model]
    size = resolve_size(encoder, weights, size)
    return encoder, size, find_weights(encoder, size, weights)


def _as_typed(request: Request, located: bool) -> str:
    """The weights as the user named them."""
    return request.model if located else request.weights


def _task(family: str, options: Options, strict_tags: bool) -> Task:
    task = with_task_options(TASKS[family], dict(options))
    return task.with_strict_tags() if strict_tags and isinstance(task, ReadsTags) else task


def _without_meaning(task: BringsTokens, weights: Weights) -> Weights:
    """Random weights for a task whose inputs are numbers.

    Raises:
        UnsuitedError: the weights are pretrained.
    """
    if weights.kind != "scratch":
        raise UnsuitedError(
            f"{weights.location} was pretrained on text, and the inputs of this task are numbers without meaning; "
            "use --weights scratch"
        )
    return replace(weights, identity=f"scratch {task.own_tokens.identity}")


def _ranker(ranker: Ranker, task: Task, request: Request) -> _Chosen:
    if task.head != "embedding":
        raise UnsuitedError(
            f"{ranker.name} ranks documents and nothing else, so it takes retrieval tasks, not {task.family}"
        )
    recipe = Recipe(epochs=0.0).with_options({"test_limit": request.recipe.get("test_limit")})
    return _Chosen(ranker, ranker.size, Weights("none", "", None, ranker.identity), recipe)


def _fine_tuned(request: ScoreRequest, task: Task) -> _Chosen:
    """The checkpoint of a request to score it, and how its inputs are cut: as asked for, else as in its fine-tuning by `run`."""
    if task.head not in (*AUTO_CLASSES, "embedding"):
        raise UnsuitedError(f"score takes tasks with a head or with vectors, not {task.family}; use run for it")
    found = find_fine_tuned(request.weights)
    saved = saved_in(found.config)
    as_saved = cast("Mapping[str, RecipeValue]", saved["recipe"] if saved else {})
    reading: dict[str, RecipeValue] = {name: value for name, value in as_saved.items() if name in SCORE_FIELDS}
    reading |= {name: value for name, value in request.recipe.items() if value is not None}
    recipe = resolve_recipe(task, found.weights, reading).untrained()
    weights = found.weights
    if request.labels and not isinstance(task, TakesOtherHeads):
        raise InputError(f"{task.family} has no labels, so --label has no meaning; leave it out")
    if task.head in AUTO_CLASSES:
        refuse_other_head(found, task.head, task.family, bool(request.labels))
    else:
        weights = with_vectors(weights, task)
    told = f" {json.dumps(request.labels, sort_keys=True)}" if request.labels else ""
    run_by = f" by {request.deployment}" if request.deployment else ""
    weights = replace(weights, identity=f"{weights.identity} as fine-tuned{told}{run_by}")
    return _Chosen(found.encoder, OWN_SIZE, weights, recipe, found)


def with_vectors(weights: Weights, task: Task) -> Weights:
    """The weights with an identity that includes how their checkpoint turns texts into vectors, see `harness.cells.vectors`.

    Raises:
        InputError: a declaration is malformed, or the harness does not support it.
    """
    return vectors.identified(weights, task.head, task.options if isinstance(task, Configurable) else {})


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


def resolve_size(encoder: Encoder, weights: str, size: str | None) -> str:
    """The size to use: ``tiny`` from scratch, ``base`` from the hub, ``custom`` for a checkpoint, whose config decides.

    Raises:
        InputError: the encoder has no such size, or a size was given beside a checkpoint.
    """
    if weights not in ("scratch", "hub"):
        if size is not None:
            raise InputError(
                f"--size {size} does not go with the weights {weights}, whose own config says how large they are; leave it out"
            )
        return OWN_SIZE
    size = size or ("base" if weights == "hub" else "tiny")
    encoder.size(size)
    return size


def trained(task: Task, dataset: str, request: Request) -> bool:
    """Whether the weights are trained before they are scored.

    Raises:
        InputError: training was asked for but there is nothing to train on, or no training but a head has to be trained.
    """
    epochs, max_steps = request.recipe.get("epochs"), request.recipe.get("max_steps")
    if not isinstance(task, ZeroShot):
        if epochs == 0:
            raise InputError(
                f"{task.family} has a head that begins at random, so there is nothing to score after --epochs 0"
            )
        return True
    if epochs == 0 and max_steps is None:
        return False
    if task.has_training(dataset, request.data_dir):
        return True
    if epochs or max_steps:
        given = "--max-steps" if max_steps else "--epochs"
        raise InputError(
            f"{task.family}/{dataset} has nothing to train on, so it scores weights as they are; leave {given} out"
        )
    return False


def resolve_recipe(task: Task, weights: Weights, options: Mapping[str, RecipeValue]) -> Recipe:
    """The task's recipe for these weights, with the user's options and the precision that is fast on this machine.

    Raises:
        InputError: an option is unknown or out of its range.
    """
    defaults = dict(cast("Mapping[str, RecipeValue]", task.defaults))
    if weights.kind == "scratch":
        defaults["learning_rate"] = getattr(task, "scratch_learning_rate", SCRATCH_LEARNING_RATE)
    if options.get("train") == "head":
        defaults["learning_rate"] = PROBE_LEARNING_RATE
    if options.get("precision") is None:
        defaults["precision"] = provenance.fast_precision()
    given = {name: value for name, value in options.items() if value is not None}
    return Recipe().with_options(defaults | given)
