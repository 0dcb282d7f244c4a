"""Fine-tuning with the Hugging Face Trainer, configured from a recipe in the same way for every encoder.

Long training saves a checkpoint every few minutes. After a kill the same command continues from it, in the same order and with
the same numbers. Several processes (see `harness.machine.distributed`) take the same steps that one process would take.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.cells.recipe import Recipe
from harness.machine import distributed
from harness.machine.tracking import Curves
from harness.nn.dropout import quick_masks
from tasks.task import Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments

CHECKPOINT_INTERVAL_S = 300.0
_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""The names of transformers; each begins with warm-up."""
COMPLETE = "complete"
"""The file that marks a checkpoint as completely written."""


@dataclass(frozen=True)
class Fit:
    """The result of training.

    Attributes:
        steps: optimiser steps taken.
        losses: (step, mean training loss since the last entry), about a hundred entries.
        resumed_from_step: the step of the checkpoint that training continued from; 0 if it started from the beginning.
        best_epoch: the epoch whose weights were kept; ``None`` if they are those of the end.
    """

    steps: int
    losses: list[tuple[int, float]]
    resumed_from_step: int = 0
    best_epoch: float | None = None


class DivergedError(RuntimeError):
    """The training loss became infinite or not a number."""


def _nothing(step: int, steps: int, loss: float | None) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class TrainingOptions:
    """The options of any training.

    Attributes:
        recipe: the hyperparameters.
        seed: of the order of examples and of dropout.
        progress: called with the step, the number of steps and the latest loss, if there is one yet.
        checkpoints: folder for checkpoints; training continues from the last complete one in it. The caller removes the folder
            when the run is saved.
        checkpoint_interval_s: seconds between checkpoints.
        curves: where loss, learning rate and gradient norm go.
        judge: gives the dev score of the weights as they are; with it, those of the epoch with the best score are kept.
        one_pool: see `harness.nn.length_groups.LengthGroups`.
    """

    recipe: Recipe
    seed: int
    progress: Callable[[int, int, float | None], None] = _nothing
    checkpoints: Path | None = None
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S
    curves: Curves | None = None
    judge: Callable[[], float] | None = None
    one_pool: bool = False


def fit(
    model: nn.Module, features: Sequence[Feature], tokenizer: PreTrainedTokenizerBase, options: TrainingOptions
) -> Fit:
    """Fine-tune the model in place.

    Args:
        model: an encoder with a head whose forward returns ``loss``.
        features: training inputs with ``labels``.
        tokenizer: pads.
        options: how to train.

    Raises:
        InputError: the batch cannot be divided equally among the processes.
        DivergedError: the loss or a weight became infinite or not a number.
    """
    from transformers import TrainingArguments

    from harness.nn.trainer import LengthTrainer

    def trainer(arguments: TrainingArguments) -> Trainer:
        return LengthTrainer(model, arguments, features, tokenizer, options.one_pool)

    return train_with(trainer, TrainingArguments, options, options.recipe.steps(len(features)))


def train_with(
    trainer_with: Callable[[TrainingArguments], Trainer],
    arguments_class: Callable[..., TrainingArguments],
    options: TrainingOptions,
    steps: int,
) -> Fit:
    """Train with any Trainer of the transformers family.

    Args:
        trainer_with: makes the Trainer from its arguments.
        arguments_class: of these arguments.
        options: how to train.
        steps: optimiser steps that will be taken.

    Raises:
        InputError: the batch cannot be divided equally among the processes.
        DivergedError: the loss or a weight became infinite or not a number.
    """
    from transformers.trainer_callback import PrinterCallback

    from harness.nn.best_epoch import BestEpoch
    from harness.nn.trainer import ReportCallback

    with _folder(options.checkpoints) as folder:
        arguments = arguments_class(output_dir=str(folder), **_arguments(options, steps))
        # One GPU per process, so that a batch is as large as the recipe says.
        arguments._n_gpu = min(1, arguments.n_gpu)
        trainer = trainer_with(arguments)
        trainer.add_callback(ReportCallback(options, steps))
        trainer.remove_callback(PrinterCallback)
        last = distributed.from_first(lambda: _last_checkpoint(folder))
        if last and not all(distributed.from_all(last.is_dir())):
            last = None  # the machines do not share this folder
        if options.curves and distributed.is_first():
            for callback in tracked(options.curves, anew=last is None):
                trainer.add_callback(callback)
        best = BestEpoch(options.judge, folder) if options.judge else None
        if best:
            trainer.add_callback(best)
        if distributed.rank():
            # Otherwise every process would draw the same dropout masks.
            torch.manual_seed(options.seed + 1_000_003 * distributed.rank())
        with quick_masks():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        # No loss is computed after the last update, and those of the last few steps may not be logged.
        if not all(parameter.isfinite().all() for parameter in trainer.model.parameters()):
            raise DivergedError(f"weights are not finite after step {trainer.state.global_step}; try a lower --lr")
        epoch = best.restore(trainer.model) if best and distributed.is_first() else None
    losses = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return Fit(trainer.state.global_step, losses, _step_of(last) if last else 0, epoch)


def tracked(curves: Curves, anew: bool) -> list[TrainerCallback]:
    """The callbacks that write the curves of a run.

    Args:
        curves: where they go.
        anew: remove TensorBoard's curves of an earlier run; a resumed run adds to them.
    """
    from transformers.integrations import INTEGRATION_TO_CALLBACK

    return [
        _tensorboard(curves.folder, anew) if name == "tensorboard" else INTEGRATION_TO_CALLBACK[name]()
        for name in curves.trackers
    ]


def _tensorboard(folder: Path, anew: bool) -> TrainerCallback:
    """A callback that writes TensorBoard's curves.

    Args:
        folder: for the event file.
        anew: remove the curves of an earlier run; a resumed run adds to them.
    """
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    if anew:
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
    return TensorBoardCallback(SummaryWriter(log_dir=str(folder)))


def _arguments(options: TrainingOptions, steps: int) -> dict[str, object]:
    """The arguments of the Trainer that follow from the recipe and the machine."""
    recipe, gpu = options.recipe, torch.cuda.is_available()
    return {
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.max_steps or -1,
        "per_device_train_batch_size": distributed.batch_share(recipe.batch_size),
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": _SCHEDULES[recipe.schedule],
        "warmup_steps": math.ceil(steps * recipe.warmup_ratio),
        "weight_decay": recipe.weight_decay,
        "adam_beta1": recipe.adam_beta1,
        "adam_beta2": recipe.adam_beta2,
        "adam_epsilon": recipe.adam_epsilon,
        "max_grad_norm": recipe.max_grad_norm,
        "bf16": recipe.precision == "bf16",
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "remove_unused_columns": False,
        "logging_steps": max(1, steps // 100),
        "logging_nan_inf_filter": False,
        "save_strategy": "no",  # `ReportCallback` saves by the clock
        "save_total_limit": 1,
        "report_to": "none",
        "run_name": options.curves.folder.name if options.curves else None,
        "disable_tqdm": True,
        "seed": options.seed,
    }


@contextmanager
def _folder(checkpoints: Path | None) -> Iterator[Path]:
    """The folder for checkpoints, or a temporary one; it is removed if it holds no checkpoint in the end."""
    if checkpoints is None:
        with tempfile.TemporaryDirectory(prefix="harness-fit-") as folder:
            yield Path(folder)
        return
    if distributed.is_first():
        whole = {mark.parent for mark in checkpoints.glob(f"*/{COMPLETE}")}
        for cut_off in set(checkpoints.glob("checkpoint-*")) - whole:
            shutil.rmtree(cut_off)
    try:
        yield checkpoints
    finally:
        if distributed.is_first() and _last_checkpoint(checkpoints) is None:
            shutil.rmtree(checkpoints, ignore_errors=True)


def _last_checkpoint(folder: Path) -> Path | None:
    """The last complete checkpoint, if there is one."""
    return max((mark.parent for mark in folder.glob(f"checkpoint-*/{COMPLETE}")), key=_step_of, default=None)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
