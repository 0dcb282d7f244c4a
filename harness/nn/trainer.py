"""The Trainer that fine-tunes with a head, and the callback that reports and saves. Importing it imports transformers' Trainer."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate.data_loader import prepare_data_loader
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.machine import distributed
from harness.nn.inference import pad
from harness.nn.length_groups import LengthGroups
from harness.nn.training import COMPLETE, DivergedError, TrainingOptions
from tasks.task import IGNORED, Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class LengthTrainer(Trainer):
    """Trains on batches of similar lengths. Several processes share each batch.

    Args:
        model: an encoder with a head whose forward returns ``loss``.
        arguments: of the Trainer.
        features: training inputs with ``labels``.
        tokenizer: pads.
        one_pool: see `harness.nn.length_groups.LengthGroups`.
    """

    def __init__(
        self,
        model: nn.Module,
        arguments: TrainingArguments,
        features: Sequence[Feature],
        tokenizer: PreTrainedTokenizerBase,
        one_pool: bool = False,
    ) -> None:
        super().__init__(model=model, args=arguments, train_dataset=Features(features))
        self.features, self.pads, self.one_pool = features, tokenizer, one_pool

    def get_train_dataloader(self) -> DataLoader[Feature]:
        """The batches that this process collates its share of.

        Every process goes through the same whole batches, so the batches, their order and the number of steps are those of one
        process. The Trainer's own division of the data is not used.
        """
        batch_size = self.args.per_device_train_batch_size * distributed.processes()
        lengths = [len(feature["input_ids"]) for feature in self.features]
        whole_batches = DataLoader(
            self.train_dataset,
            batch_size,
            sampler=LengthGroups(lengths, batch_size, self.args.seed, self.one_pool),
            collate_fn=lambda batch: collate(share(batch), self.pads),
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Feature] = prepare_data_loader(whole_batches, num_processes=1, process_index=0)
        return prepared

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], *others: object, **options: object
    ) -> Tensor | tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of this process's share, weighted so that the mean over processes is that over the whole batch.

        Gradients are averaged over processes, but labels are not spread evenly: without weights, a mean over few labels would
        count as much as one over many.
        """
        if distributed.processes() == 1:
            loss: Tensor = super().compute_loss(model, inputs, *others, **options)
            return loss
        outputs = model(**inputs)
        labels = (inputs["labels"] != IGNORED).sum()
        weight = labels * distributed.processes() / self.accelerator.reduce(labels.clone(), "sum")
        weighted: Tensor = outputs["loss"] * weight if labels else outputs["logits"].sum() * 0.0
        return weighted


class ReportCallback(TrainerCallback):
    """Shows progress, stops training that diverged, and saves checkpoints by the clock.

    Args:
        options: how to train.
        steps: optimiser steps that will be taken.
    """

    def __init__(self, options: TrainingOptions, steps: int) -> None:
        self.options, self.steps = options, steps
        self.loss: float | None = None
        self.saved = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float],
        **others: object,
    ) -> None:
        """Keep the loss.

        Raises:
            DivergedError: it is infinite or not a number.
        """
        self.loss = logs.get("loss", self.loss)
        if self.loss is not None and not math.isfinite(self.loss):
            raise DivergedError(f"the training loss is {self.loss} at step {state.global_step}; try a lower --lr")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: object
    ) -> None:
        """Show the step, and save if it is time."""
        self.options.progress(state.global_step, self.steps, self.loss)
        # Saving only where a loss is logged keeps each logged mean within one attempt; the first process's clock decides for all.
        if self.options.checkpoints and state.global_step % args.logging_steps == 0:
            control.should_save = distributed.from_first(self.is_due)

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self.saved >= self.options.checkpoint_interval_s

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: object) -> None:
        """Mark the checkpoint as complete once every process has written its part."""
        distributed.from_all(state.global_step)
        if distributed.is_first():
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
        self.saved = time.monotonic()


class Features(Dataset[Feature]):
    """Training inputs as a torch dataset."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> Feature:
        return self.features[index]


def share(batch: Sequence[Feature]) -> Sequence[Feature]:
    """This process's share of a batch: every n-th example, since neighbours have similar lengths.

    A process that would get nothing of a small last batch gets an example with all labels ignored, which has no loss.
    """
    own = batch[distributed.rank() :: distributed.processes()]
    return own or [{**batch[0], "labels": _ignored(batch[0]["labels"])}]


def collate(batch: Sequence[Feature], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """A padded batch; where labels are lists, one per token, those of padding are ignored."""
    inputs = pad(batch, tokenizer)
    length = inputs["input_ids"].shape[1]
    labels = [feature["labels"] for feature in batch]
    labels = [label + [IGNORED] * (length - len(label)) if isinstance(label, list) else label for label in labels]
    return {**inputs, "labels": torch.tensor(labels)}


def _ignored(labels: list[int] | tuple[int, ...] | float) -> list[int] | tuple[int, ...] | int:
    if isinstance(labels, tuple):
        return (IGNORED,) * len(labels)
    return [IGNORED] * len(labels) if isinstance(labels, list) else IGNORED
