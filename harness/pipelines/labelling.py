"""Fine-tune an encoder with a head: labels of tokens, answer spans, labels of texts."""

from __future__ import annotations

from harness.cells.cell import Cell
from harness.errors import InputError
from harness.machine import distributed
from harness.machine.device import device
from harness.nn.heads import RegressionHead, with_head
from harness.nn.inference import predict
from harness.nn.training import fit
from harness.pipelines.sampling import sample
from harness.pipelines.stages import (
    EVALUATED,
    Parts,
    Result,
    Stages,
    limited,
    load_encoder,
    rows_of,
    scores_of,
    training_options,
)
from harness.progress import Reporter, silent
from models.encoder import Encoder
from models.parameters import count_parameters
from tasks.task import Data, LabellingTask, LongerThanTrained, Prediction, Split, TunedOnDev


def label(cell: Cell, parts: Parts[Encoder, LabellingTask], stage: Stages) -> Result | None:
    """Train encoder and head together, then decode the logits of dev and test.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    task, recipe = parts.task, cell.recipe
    with stage("load"):
        data = limited(task.load(cell.dataset, cell.data_dir, cell.skip_bad), cell.recipe)
        encoder, tokenizer, limit = load_encoder(cell, parts)
        model = with_head(task.head, encoder, len(data.labels)).to(device())
        if not data.splits["train"]:
            raise InputError(f"{cell.task} has no train split, so there is nothing to train its head on")
        if recipe.keep_best and not data.splits["dev"]:
            raise InputError(f"{cell.task} has no dev split, by which --keep-best chooses an epoch; leave it out")
    with stage("encode"):
        longest = task.longest_input(limit) if isinstance(task, LongerThanTrained) else recipe.max_length
        train = sample(data.splits["train"], recipe.train_limit)
        trained_on = task.encode(train, data.labels, tokenizer, recipe.max_length, training=True)
        if isinstance(model, RegressionHead):
            model.learn_unit([feature["labels"] for feature in trained_on.features])
        encoded = {split: task.encode(data.splits[split], data.labels, tokenizer, longest) for split in EVALUATED}

    def predicted(split: Split, progress: Reporter) -> list[Prediction]:
        inputs = encoded[split]
        logits = predict(model, inputs.features, tokenizer, recipe.precision, progress=progress(split))
        return task.decode(data.splits[split], data.labels, inputs, logits)

    def dev_score() -> float:
        found, _ = _tuned(task, data, {"dev": predicted("dev", silent)})
        return task.score(data.splits["dev"], found["dev"])[task.metric]

    with stage("fit"):
        options = training_options(cell, parts, stage, dev_score if recipe.keep_best else None)
        done = fit(model, trained_on.features, tokenizer, options)
    if not distributed.is_first():
        return None
    with stage("predict"):
        predictions = {split: predicted(split, stage.report) for split in EVALUATED}
    with stage("score"):
        predictions, tuned = _tuned(task, data, predictions)
        tuned |= {} if done.best_epoch is None else {"epoch": done.best_epoch}
        scores, rows = scores_of(task, data, predictions), rows_of(task, data, predictions)
    return Result(
        data,
        scores,
        rows,
        counts={
            "n_train": len(train),
            "n_windowed": encoded["test"].n_windowed,
            "n_truncated": encoded["test"].n_truncated,
        },
        parameters=count_parameters(encoder),
        fit=done,
        tuned=tuned,
    )


def _tuned(
    task: LabellingTask, data: Data, predictions: dict[Split, list[Prediction]]
) -> tuple[dict[Split, list[Prediction]], dict[str, float]]:
    """The predictions with the values that are best for those of dev, and these values, if the task has any."""
    if not isinstance(task, TunedOnDev):
        return predictions, {}
    tuned = task.tune(data.splits["dev"], predictions["dev"])
    return {split: task.apply(found, tuned) for split, found in predictions.items()}, tuned
