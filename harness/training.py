"""Fine-tuning: the Hugging Face Trainer, configured once from a recipe, the same for every encoder."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from harness.config import Recipe
from harness.inference import pad
from tasks.task import Feature


@dataclass(frozen=True)
class Fit:
    """What training did.

    Attributes:
        steps: optimiser steps taken.
        losses: (step, mean training loss since the last entry), about a hundred entries.
    """

    steps: int
    losses: list[tuple[int, float]]


class DivergedError(RuntimeError):
    """The training loss is not a number any more."""


def fit(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: Any,
    recipe: Recipe,
    seed: int,
    progress: Callable[[int, int, float | None], None] = lambda step, steps, loss: None,
) -> Fit:
    """Fine-tune the model in place.

    Batches hold features of like length (Trainer's ``group_by_length``), in an order that the seed decides.

    Args:
        model: an encoder with a head whose forward returns ``loss``.
        features: training inputs with ``labels``.
        tokenizer: pads.
        recipe: how to train.
        seed: of the order of examples and of dropout.
        progress: called with the step, the number of steps and the latest loss.

    Raises:
        DivergedError: the loss became infinite or not a number.
    """
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    steps = recipe.max_steps or math.ceil(math.ceil(len(features) / recipe.batch_size) * recipe.epochs)
    losses: list[tuple[int, float]] = []

    class Report(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **others: Any) -> None:
            if "loss" in logs:
                losses.append((state.global_step, logs["loss"]))
                if not math.isfinite(logs["loss"]):
                    raise DivergedError(
                        f"the training loss is {logs['loss']} at step {state.global_step}; try a lower --lr"
                    )

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            progress(state.global_step, steps, losses[-1][1] if losses else None)

    with tempfile.TemporaryDirectory(prefix="harness-fit-") as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=recipe.epochs,
            max_steps=recipe.max_steps or -1,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(steps * recipe.warmup_ratio),
            weight_decay=recipe.weight_decay,
            adam_beta1=recipe.adam_beta1,
            adam_beta2=recipe.adam_beta2,
            adam_epsilon=recipe.adam_epsilon,
            max_grad_norm=recipe.max_grad_norm,
            bf16=recipe.precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            train_sampling_strategy="group_by_length",
            dataloader_pin_memory=torch.cuda.is_available(),
            remove_unused_columns=False,
            logging_steps=max(1, steps // 100),
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=_Features(features),
            data_collator=lambda batch: _collate(batch, tokenizer),
            callbacks=[Report()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return Fit(trainer.state.global_step, losses)


class _Features(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> Feature:
        return self.features[index]


def _collate(batch: Sequence[Feature], tokenizer: Any) -> dict[str, torch.Tensor]:
    """A padded batch; where labels are lists, one a token, those of padding are -100."""
    inputs = pad(batch, tokenizer)
    length = inputs["input_ids"].shape[1]
    labels = [feature["labels"] for feature in batch]
    labels = [label + [-100] * (length - len(label)) if isinstance(label, list) else label for label in labels]
    return {**inputs, "labels": torch.tensor(labels)}
