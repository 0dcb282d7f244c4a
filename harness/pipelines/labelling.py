"""Fine-tune an encoder with a head: labels of tokens, answer spans, labels of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from harness.cells.cell import Cell
from harness.engines import Choice
from harness.engines.build import build
from harness.errors import InputError
from harness.machine import distributed
from harness.nn.heads import RegressionHead
from harness.nn.inference import pad, predict
from harness.nn.training import Fit, fit
from harness.pipelines.heads import Headed, headed
from harness.pipelines.sampling import sample
from harness.pipelines.stages import (
    EVALUATED,
    Parts,
    Result,
    Stages,
    Tested,
    Trained,
    limited,
    rows_of,
    scores_of,
    training_options,
)
from harness.pipelines.test_sets import Target, read_test_set
from harness.progress import Update, silent
from harness.store.record import ExampleCounts
from models.encoder import Encoder
from tasks.data import Data, Example
from tasks.task import Encoded, Feature, LabellingTask, LongerThanTrained, Prediction, TunedOnDev

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class _Sheet:
    """Examples to predict.

    Attributes:
        shown_as: their name beside the progress.
        task: encodes them and decodes the logits.
        examples: of one split.
        labels: of their dataset.
        outputs: names of the head's outputs, see `tasks.label_names.output_names`.
    """

    shown_as: str
    task: LabellingTask
    examples: Sequence[Example]
    labels: Sequence[str]
    outputs: Sequence[str]


def label(cell: Cell, parts: Parts[Encoder, LabellingTask], stage: Stages) -> Result | None:
    """Train encoder and head together, or take a fine-tuned checkpoint, then decode the logits of dev and test, and of other test sets.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    recipe = cell.recipe
    with stage("load"):
        loaded = limited(parts.task.load(cell.dataset, cell.data_dir, cell.skip_bad), recipe)
        _refuse_missing_splits(cell, loaded)
        targets = [read_test_set(test, cell, loaded) for test in parts.tests]
        found = headed(cell, parts, loaded)
        model, tokenizer, task, data = found.model, found.tokenizer, found.task, found.data
    sheets = [_Sheet(split, task, data.splits[split], data.labels, found.labels) for split in EVALUATED]
    sheets += map(_sheet, targets)
    with stage("encode"):
        inputs = _encode(cell, found, sheets)
        if parts.choice != Choice():
            model = _deployed(model, inputs.sheets, tokenizer, parts.choice)

    def predicted(place: int, show: Update) -> list[Prediction]:
        sheet, one = sheets[place], inputs.sheets[place]
        if not sheet.examples:
            return []
        logits = predict(model, one.features, tokenizer, recipe.precision, progress=show)
        return sheet.task.decode(sheet.examples, sheet.outputs, one, logits)

    def dev_score() -> float:
        answers, _ = _tuned(task, data, [predicted(0, silent("dev"))])
        return task.score(data.splits["dev"], answers[0])[task.metric]

    with stage("fit"):
        options = training_options(cell, parts, stage, dev_score if recipe.keep_best else None)
        done = fit(model, inputs.train, tokenizer, options) if recipe.trains else Fit(0, [])
    if not distributed.is_first():
        return None
    with stage("predict"):
        answers = [predicted(place, stage.report(sheet.shown_as)) for place, sheet in enumerate(sheets)]
    with stage("score"):
        answers, tuned = _tuned(task, data, answers)
        tuned |= {} if done.best_epoch is None else {"epoch": done.best_epoch}
        predictions = dict(zip(EVALUATED, answers, strict=False))
        scores, rows = scores_of(task, data, predictions), rows_of(task, data, predictions)
    elsewhere = zip(targets, answers[2:], inputs.sheets[2:], strict=True)
    return Result(
        data,
        scores,
        rows,
        counts=_counts(inputs.n_train, inputs.sheets[1]),
        parameters=found.parameters,
        fit=done,
        tuned=tuned,
        tests=[
            Tested(to.test, to.data, each, _counts(inputs.n_train, one), to.outputs, to.caveats)
            for to, each, one in elsewhere
        ],
        trained=Trained(model, tokenizer, found.labels, found.limit) if parts.keep_model else None,
    )


@dataclass(frozen=True)
class _Inputs:
    """What the model reads.

    Attributes:
        n_train: examples to train on.
        train: their features.
        sheets: the encoded examples of each sheet.
    """

    n_train: int
    train: Sequence[Feature]
    sheets: Sequence[Encoded]


def _encode(cell: Cell, found: Headed, sheets: Sequence[_Sheet]) -> _Inputs:
    """Encode the training examples and those to predict."""
    recipe, task, data, tokenizer = cell.recipe, found.task, found.data, found.tokenizer
    longest = task.longest_input(found.limit) if isinstance(task, LongerThanTrained) else recipe.max_length
    examples = sample(data.splits["train"], recipe.train_limit) if recipe.trains else []
    train = task.encode(examples, data.labels, tokenizer, recipe.max_length, training=True).features if examples else []
    if isinstance(found.model, RegressionHead) and train:
        found.model.learn_unit([feature["labels"] for feature in train])
    encoded = [
        sheet.task.encode(sheet.examples, sheet.labels, tokenizer, longest) if sheet.examples else Encoded([], [])
        for sheet in sheets
    ]
    return _Inputs(len(examples), train, encoded)


def _deployed(
    model: nn.Module, sheets: Sequence[Encoded], tokenizer: PreTrainedTokenizerBase, choice: Choice
) -> nn.Module:
    """The model as the engine runs it, built for the longest of all inputs that it will read."""
    features = [feature for sheet in sheets for feature in sheet.features]
    longest = sorted(features, key=lambda feature: -len(feature["input_ids"]))[:2]
    return build(model, pad(longest, tokenizer), choice).module


def _sheet(target: Target[LabellingTask, Data]) -> _Sheet:
    test, data = target.test, target.data
    return _Sheet(test.name, test.task, data.splits["test"], data.labels, target.outputs)


def _counts(n_train: int, encoded: Encoded) -> ExampleCounts:
    return {"n_train": n_train, "n_windowed": encoded.n_windowed, "n_truncated": encoded.n_truncated}


def _refuse_missing_splits(cell: Cell, data: Data) -> None:
    """Refuse data without what the training needs.

    Raises:
        InputError: there is no train split, or no dev split to keep the best epoch by.
    """
    if cell.recipe.trains and not data.splits["train"]:
        raise InputError(
            f"{cell.task} has no train split, so there is nothing to train its head on; it can be a test set"
        )
    if cell.recipe.keep_best and not data.splits["dev"]:
        raise InputError(f"{cell.task} has no dev split, by which --keep-best chooses an epoch; leave it out")


def _tuned(
    task: LabellingTask, data: Data, answers: list[list[Prediction]]
) -> tuple[list[list[Prediction]], dict[str, float]]:
    """The predictions with the values that are best for those of dev, the first, and these values.

    Without a dev split, and for a task without such values, the predictions are unchanged.
    """
    if not isinstance(task, TunedOnDev) or not data.splits["dev"]:
        return answers, {}
    tuned = task.tune(data.splits["dev"], answers[0])
    return [task.apply(each, tuned) for each in answers], tuned
