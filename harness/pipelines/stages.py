"""The input and output of every kind of run: the parts of a cell, the stages of a run, and its result."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from torch import nn

from harness.cells.cell import Cell
from harness.cells.planned import TestSet
from harness.cells.recipe import Recipe
from harness.cells.vectors import Vectors
from harness.engines import Choice
from harness.machine.device import device
from harness.machine.tracking import Curves
from harness.nn.training import Fit, TrainingOptions
from harness.pipelines.sampling import sample
from harness.progress import Reporter, silent, with_loss
from harness.store.record import ExampleCounts
from models import loading, scratch
from models.encoder import Encoder, refuse_longer
from models.fine_tuned import FineTuned
from models.parameters import ParameterCounts
from models.ranker import Ranker
from models.weights import Weights
from tasks.data import Data, Split
from tasks.task import BringsTokens, Prediction, Row, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

EVALUATED: tuple[Split, ...] = ("dev", "test")
STAGES = ("load", "encode", "fit", "predict", "score")

ModelT = TypeVar("ModelT", Encoder, Ranker, covariant=True)
DataT = TypeVar("DataT", bound=Data)
TaskT = TypeVar("TaskT", bound=Task, covariant=True)


@dataclass(frozen=True)
class Parts(Generic[ModelT, TaskT]):
    """The objects that the names in a cell refer to.

    Attributes:
        model: the encoder, or a ranker.
        weights: the encoder's weights; a ranker has none.
        task: decides training and scores.
        checkpoints: folder for training checkpoints, see `harness.nn.training.TrainingOptions`.
        curves: where the curves of training go.
        tests: other datasets to test the trained model on.
        fine_tuned: the checkpoint to score as it is, with its own head; ``None`` if a run trains.
        given_labels: output of that checkpoint -> label, as the user gave them.
        keep_model: the result is to hold the trained model.
        choice: the engine that runs a fine-tuned checkpoint.
    """

    model: ModelT
    weights: Weights
    task: TaskT
    checkpoints: Path | None = None
    curves: Curves | None = None
    tests: tuple[TestSet[TaskT], ...] = ()
    fine_tuned: FineTuned | None = None
    given_labels: Mapping[str, str] = field(default_factory=dict)
    keep_model: bool = False
    choice: Choice = field(default_factory=Choice)


class Stages:
    """Times the stages of one run and shows their progress.

    Attributes:
        report: shows progress.
        seconds: wall time of each stage; 0 for a stage that the run does not have.
    """

    def __init__(self, report: Reporter = silent) -> None:
        self.report = report
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the stage for as long as the block runs."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


@dataclass(frozen=True)
class Tested:
    """The result on another dataset than that of training.

    Attributes:
        test: the test set.
        data: its examples, with every note on them.
        predictions: one per example of its test split.
        counts: numbers of examples, for the record; ``n_train`` is that of the training.
        outputs: its names for the outputs of the trained head; empty for retrieval.
        caveats: what limits the meaning of its scores, one sentence each.
    """

    test: TestSet[Task]
    data: Data
    predictions: Sequence[Prediction]
    counts: ExampleCounts
    outputs: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        model: encoder and head, see `harness.nn.heads`; for retrieval the bare encoder.
        tokenizer: of the encoder, as it was loaded.
        labels: names of the head's outputs, in order; empty for retrieval.
        limit: tokens of the longest input that the encoder takes; ``None`` if there is no limit.
        vectors: of retrieval, how texts become vectors.
        prompts: of retrieval, the texts before ``query`` and ``document``.
    """

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    limit: int | None
    vectors: Vectors | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        data: the examples, with every note on them.
        scores: every metric of dev and test; empty for a split without examples.
        rows: one per example of dev and test, with its ``split``.
        counts: numbers of examples, for the record.
        parameters: of the encoder, without the head.
        fit: the result of training.
        tuned: values that were chosen on dev, such as a threshold.
        tests: the results on other datasets.
        trained: the model, if it is to be kept.
    """

    data: Data
    scores: Mapping[Split, Mapping[str, float]]
    rows: list[Row]
    counts: ExampleCounts
    parameters: ParameterCounts
    fit: Fit = field(default_factory=lambda: Fit(0, []))
    tuned: Mapping[str, float] = field(default_factory=dict)
    tests: Sequence[Tested] = ()
    trained: Trained | None = None


Predictions = Mapping[Split, Sequence[Prediction]]


def limited(data: DataT, recipe: Recipe) -> DataT:
    """The examples to use: of a trial (``--test-limit``) a fixed sample of dev and test, with another fingerprint."""
    limit = recipe.test_limit
    if limit is None:
        return data
    splits = {**data.splits, **{split: sample(data.splits[split], limit) for split in EVALUATED}}
    n_unscored = sum(len(data.splits[split]) - len(splits[split]) for split in EVALUATED)
    digest = hashlib.sha256(f"{data.fingerprint} test_limit {limit}".encode()).hexdigest()
    return replace(data, splits=splits, fingerprint=digest, n_unscored=n_unscored)


def scores_of(task: Task, data: Data, predictions: Predictions) -> dict[Split, dict[str, float]]:
    """The scores of dev and test; empty for a split without examples."""
    return {
        split: task.score(examples, predictions[split]) if (examples := data.splits[split]) else {}
        for split in EVALUATED
    }


def rows_of(task: Task, data: Data, predictions: Predictions) -> list[Row]:
    """One row per example of dev and test, with its split."""
    return [
        {"split": split, **row}
        for split in EVALUATED
        if data.splits[split]
        for row in task.rows(data.splits[split], predictions[split])
    ]


def load_encoder(cell: Cell, parts: Parts[Encoder, Task]) -> tuple[nn.Module, PreTrainedTokenizerBase, int | None]:
    """The encoder on the device that it runs on, its tokenizer, and the longest input that it takes (None: no limit).

    Raises:
        InputError: the weights cannot be loaded, or the recipe asks for longer inputs than the encoder takes.
    """
    if isinstance(parts.task, BringsTokens):
        model, tokenizer = scratch.with_own_tokens(parts.model, cell.size, parts.task.own_tokens)
    else:
        model, tokenizer = loading.load(
            parts.model, cell.size, parts.weights, half_precision=cell.recipe.precision == "bf16"
        )
    limit = loading.max_length(model, parts.model, cell.size)
    refuse_longer(cell.model, cell.recipe.max_length, limit)
    return model.to(device()), tokenizer, limit


def training_options(
    cell: Cell, parts: Parts[Encoder, Task], stage: Stages, judge: Callable[[], float] | None = None
) -> TrainingOptions:
    """The options of the cell's training; ``judge`` gives the dev score, to keep the best epoch."""
    return TrainingOptions(
        cell.recipe,
        cell.seed,
        with_loss(stage.report("fit")),
        checkpoints=parts.checkpoints,
        curves=parts.curves,
        judge=judge,
        one_pool=isinstance(parts.task, BringsTokens),
    )
