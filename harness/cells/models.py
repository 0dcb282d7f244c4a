"""The encoder or ranker of a request, with its weights and its recipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from harness.cells import vectors
from harness.cells.candidates import FirstStage, first_stage, with_candidates
from harness.cells.engine_precision import precision_of
from harness.cells.recipe import Recipe
from harness.cells.recipe_field import RecipeValue
from harness.cells.request import SCORE_FIELDS, Request, ScoreRequest
from harness.cells.resolve_recipe import resolve_recipe, trained
from harness.errors import InputError, UnsuitedError
from harness.machine.libraries import quiet_libraries
from harness.store.record import OWN_SIZE
from harness.store.saved_model import saved_in
from models import MODELS, Encoder
from models.architectures import encoder_at, is_location
from models.fine_tuned import AUTO_CLASSES, FineTuned, find_fine_tuned, refuse_other_head
from models.ranker import Ranker
from models.weights import Weights, find_weights, of_architecture
from tasks.rerank import Rerank
from tasks.task import (
    LABELLING_HEADS,
    PRETRAINED_HEADS,
    PROBED_HEADS,
    BringsTokens,
    Configurable,
    TakesOtherHeads,
    Task,
)


@dataclass(frozen=True)
class Chosen:
    """The resolved encoder or ranker of a request; for reranking with the system that finds the candidates."""

    encoder: Encoder | Ranker
    size: str
    weights: Weights
    recipe: Recipe
    fine_tuned: FineTuned | None = None
    first_stage: FirstStage | None = None


def find_model(model: str, weights: str, size: str | None) -> tuple[Encoder, str, Weights]:
    """The encoder, size and weights that a model's name, or its folder or hub id, means.

    Args:
        model: a registered name, a folder or a hub id.
        weights: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id; of a registered name only.
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


def encoder_for(request: Request, task: Task, dataset: str, found: tuple[Encoder, str, Weights]) -> Chosen:
    """The encoder of a request to train it, or to score it as it is.

    Args:
        request: names it.
        task: what it is for.
        dataset: of the task.
        found: encoder, size and weights, see `find_model`.

    Raises:
        InputError: the recipe is not for this task.
        UnsuitedError: model and task cannot go together.
    """
    encoder, size, weights = found
    if task.head in PRETRAINED_HEADS and weights.kind == "scratch":
        raise UnsuitedError(
            f"{request.model} from scratch has no masked-LM head; give --weights a checkpoint of `harness pretrain`, or one "
            "that was published with its masked-LM head"
        )
    if isinstance(task, BringsTokens):
        weights = _without_meaning(task, weights, of_architecture(encoder, size))
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
        raise InputError(f"--test-limit is not for {task.family}, whose package scores whole test sets; leave it out")
    if task.head in vectors.HEADS:
        weights = _with_vectors(weights, task)
    candidates = first_stage(task.options["candidates"]) if isinstance(task, Rerank) else None
    if candidates:
        weights = with_candidates(weights, candidates)
    if not trained(task, dataset, request):
        recipe = recipe.untrained()
    return Chosen(encoder, size, weights, recipe, first_stage=candidates)


def ranker_for(request: Request, task: Task, ranker: Ranker) -> Chosen:
    """A ranker, which trains nothing.

    Raises:
        UnsuitedError: the task is not retrieval.
    """
    if task.head != "embedding":
        raise UnsuitedError(
            f"{ranker.name} ranks documents and nothing else, so it takes retrieval tasks, not {task.family}"
        )
    recipe = Recipe(epochs=0.0).with_options({"test_limit": request.recipe.get("test_limit")})
    return Chosen(ranker, ranker.size, Weights("none", "", None, ranker.identity), recipe)


def fine_tuned_for(request: ScoreRequest, task: Task) -> Chosen:
    """The checkpoint of a request to score it, and how its inputs are cut: as asked for, else as in its fine-tuning by `run`.

    The recipe has the precision in which the engine computes.

    Raises:
        InputError: the checkpoint is not usable, or has another head.
        UnsuitedError: the task has neither a head nor vectors.
    """
    if task.head not in (*AUTO_CLASSES, "embedding"):
        raise UnsuitedError(f"score takes tasks with a head or with vectors, not {task.family}; use run for it")
    found = find_fine_tuned(request.weights)
    saved = saved_in(found.config)
    as_saved = cast("Mapping[str, RecipeValue]", saved["recipe"] if saved else {})
    reading: dict[str, RecipeValue] = {name: value for name, value in as_saved.items() if name in SCORE_FIELDS}
    reading |= {name: value for name, value in request.recipe.items() if value is not None}
    recipe = resolve_recipe(task, found.weights, reading).untrained()
    recipe = recipe.with_options({"precision": precision_of(recipe.precision, request.engine, request.quantize)})
    weights = found.weights
    if request.labels and not isinstance(task, TakesOtherHeads):
        raise InputError(f"{task.family} has no labels, so --label has no meaning; leave it out")
    if task.head in AUTO_CLASSES:
        refuse_other_head(found, task.head, task.family, bool(request.labels))
    else:
        weights = _with_vectors(weights, task)
    told = f" {json.dumps(request.labels, sort_keys=True)}" if request.labels else ""
    run_by = f" by {request.deployment}" if request.deployment else ""
    weights = replace(weights, identity=f"{weights.identity} as fine-tuned{told}{run_by}")
    return Chosen(found.encoder, OWN_SIZE, weights, recipe, found)


def _with_vectors(weights: Weights, task: Task) -> Weights:
    """The weights with an identity that includes how their checkpoint turns texts into vectors, see `harness.cells.vectors`.

    Raises:
        InputError: a declaration is malformed, or the harness does not support it.
    """
    return vectors.identified(weights, task.head, task.options if isinstance(task, Configurable) else {})


def _without_meaning(task: BringsTokens, weights: Weights, architecture: str) -> Weights:
    """Random weights for a task whose inputs are numbers.

    Args:
        task: brings its own tokens in place of a tokenizer's.
        weights: that were asked for.
        architecture: the end of their identity, see `models.weights.of_architecture`.

    Raises:
        UnsuitedError: the weights are pretrained.
    """
    if weights.kind != "scratch":
        raise UnsuitedError(
            f"{weights.location} was pretrained on text, and the inputs of this task are numbers without meaning; "
            "use --weights scratch"
        )
    return replace(weights, identity=f"scratch {task.own_tokens.identity}{architecture}")
