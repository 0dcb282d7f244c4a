"""Tasks whose answers are read off an encoder with a head: labels of tokens, spans, labels of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cells.cell import Cell
from harness.machine.device import device
from harness.nn.heads import with_head
from harness.nn.inference import predict
from harness.nn.training import Fit, fit
from harness.pipelines.procedure import EVALUATED, Outcome, outcome_of, sample
from harness.progress import Reporter, with_loss
from harness.store.record import ExampleCounts
from models import loading
from models.encoder import Encoder, refuse_longer
from models.parameters import ParameterCounts, count_parameters
from tasks.task import Data, Encoded, LabellingTask, LongerThanTrained, Split, TunedOnDev


class Labelling:
    """See `harness.pipelines.procedure.Procedure`: fine-tune an encoder with a head, and decode its logits.

    Args:
        cell: what to run; everything in it is resolved.
        encoder: the cell's encoder.
        weights: the cell's weights.
        task: the cell's task.
    """

    def __init__(self, cell: Cell, encoder: Encoder, weights: loading.Weights, task: LabellingTask) -> None:
        self.cell, self.encoder, self.weights, self.task = cell, encoder, weights, task

    def load(self) -> Data:
        """Read data and weights, and put the head on."""
        cell, task = self.cell, self.task
        self.data = task.load(cell.task.partition("/")[2], cell.data_dir, cell.skip_bad)
        self.encoder_model, self.tokenizer = loading.load(self.encoder, cell.size, self.weights)
        limit = loading.max_length(self.encoder_model, self.encoder, cell.size)
        refuse_longer(cell.model, cell.recipe.max_length, limit)
        self.longest = task.longest_input(limit) if isinstance(task, LongerThanTrained) else cell.recipe.max_length
        self.model = with_head(task.head, self.encoder_model, len(self.data.labels)).to(device())
        return self.data

    def encode(self) -> None:
        """Turn the examples of all splits into features."""
        task, data, recipe = self.task, self.data, self.cell.recipe
        self.train = sample(data.splits["train"], recipe.train_limit)
        self.trained_on = task.encode(self.train, data.labels, self.tokenizer, recipe.max_length, training=True)
        self.encoded: dict[Split, Encoded] = {
            split: task.encode(data.splits[split], data.labels, self.tokenizer, self.longest) for split in EVALUATED
        }

    def fit(self, report: Reporter, checkpoints: Path | None, curves: Path | None) -> Fit:
        """Train encoder and head together."""
        return fit(
            self.model, self.trained_on.features, self.tokenizer, self.cell.recipe, self.cell.seed,
            with_loss(report("fit")), checkpoints, curves=curves,
        )  # fmt: skip

    def predict(self, report: Reporter) -> None:
        """Decode the logits of dev and test."""
        self.predictions: dict[Split, list[Any]] = {}
        for split in EVALUATED:
            features = self.encoded[split].features
            logits = predict(self.model, features, self.tokenizer, self.cell.recipe.precision, progress=report(split))
            examples = self.data.splits[split]
            self.predictions[split] = self.task.decode(examples, self.data.labels, self.encoded[split], logits)

    def score(self) -> Outcome:
        """Decide on dev what is to be decided there, and score both splits."""
        task = self.task
        tuned: dict[str, float] = {}
        if isinstance(task, TunedOnDev):
            tuned = task.tune(self.data.splits["dev"], self.predictions["dev"])
            self.predictions = {split: task.apply(self.predictions[split], tuned) for split in EVALUATED}
        return outcome_of(task, self.data, self.predictions, tuned)

    def counts(self) -> ExampleCounts:
        """See `harness.pipelines.procedure.Procedure`."""
        test = self.encoded["test"]
        return {"n_train": len(self.train), "n_windowed": test.n_windowed, "n_truncated": test.n_truncated}

    def parameters(self) -> ParameterCounts:
        """Those of the encoder without the head."""
        return count_parameters(self.encoder_model)
