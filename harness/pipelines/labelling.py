"""Fine-tune an encoder with a head, or score a checkpoint with its own: labels of tokens, answer spans, labels of texts."""

from __future__ import annotations

from harness.cells.cell import Cell
from harness.machine import distributed
from harness.nn.inference import predict
from harness.nn.training import Fit, fit
from harness.pipelines.heads import headed
from harness.pipelines.sampling import sample
from harness.pipelines.stages import (
    EVALUATED,
    Parts,
    Result,
    Stages,
    Trained,
    rows_of,
    scores_of,
    training_options,
)
from models.encoder import Encoder
from tasks.task import LabellingTask, LongerThanTrained, TunedOnDev


def label(cell: Cell, parts: Parts[Encoder, LabellingTask], stage: Stages) -> Result | None:
    """Train encoder and head together, unless a fine-tuned checkpoint is scored, then decode the logits of dev and test.

    Returns:
        The result; ``None`` in a process that only helped to train (see `harness.machine.distributed`).

    Raises:
        InputError: data or weights are wrong, or the recipe asks for longer inputs than the encoder takes.
        DivergedError: the training loss became infinite or not a number.
    """
    recipe = cell.recipe
    with stage("load"):
        found = headed(cell, parts, parts.task.load(cell.dataset, cell.data_dir, cell.skip_bad))
        model, tokenizer, task, data = found.model, found.tokenizer, found.task, found.data
    with stage("encode"):
        longest = task.longest_input(found.limit) if isinstance(task, LongerThanTrained) else recipe.max_length
        train = sample(data.splits["train"], recipe.train_limit) if recipe.trains else []
        features = (
            task.encode(train, data.labels, tokenizer, recipe.max_length, training=True).features if train else []
        )
        encoded = {split: task.encode(data.splits[split], data.labels, tokenizer, longest) for split in EVALUATED}
    with stage("fit"):
        options = training_options(cell, parts, stage)
        done = fit(model, features, tokenizer, options) if recipe.trains else Fit(0, [])
    if not distributed.is_first():
        return None
    predictions, tuned = {}, {}
    with stage("predict"):
        for split, inputs in encoded.items():
            logits = predict(model, inputs.features, tokenizer, recipe.precision, progress=stage.report(split))
            predictions[split] = task.decode(data.splits[split], found.labels, inputs, logits)
    with stage("score"):
        if isinstance(task, TunedOnDev):
            tuned = task.tune(data.splits["dev"], predictions["dev"])
            predictions = {split: task.apply(predictions[split], tuned) for split in EVALUATED}
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
        parameters=found.parameters,
        fit=done,
        tuned=tuned,
        trained=Trained(model, tokenizer, found.labels, found.limit) if parts.keep_model else None,
    )
