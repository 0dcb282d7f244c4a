"""The loop: the Hugging Face Trainer over one leg of a run, with checkpoints from which it goes on bit for bit.

Every batch follows from seed and step alone. Several processes take equal shares of each batch, so that their steps are
those of one process.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from harness.machine import distributed
from harness.nn.masked_lm import MaskedLM
from harness.nn.masked_rows import tensors
from harness.nn.training import DivergedError, tracked
from harness.pretraining import checkpoints
from harness.pretraining.journal import Journal
from harness.pretraining.leg import Leg, Setting
from harness.pretraining.optimizer import optimizer_for
from harness.pretraining.watch import Watch

CHECKPOINT_INTERVAL_S = 120.0


class CheckpointError(RuntimeError):
    """A checkpoint could not be written; the one before it is whole."""


def train_leg(model: MaskedLM, leg: Leg, setting: Setting) -> Journal:
    """Train a model in place from where the leg begins, or was cut off, to its end.

    Args:
        model: with the weights of the run's start; a checkpoint's take their place.
        leg: what to train.
        setting: how.

    Returns:
        The journal of the run until the end of the leg.

    Raises:
        DivergedError: the loss or a weight is not a number any more; the last checkpoint is from before.
        CheckpointError: the disk is full or cannot be written; the last checkpoint is whole.
    """
    if distributed.is_first():
        checkpoints.tidy(leg.folder)
    own = distributed.from_first(lambda: checkpoints.last_in(leg.folder))
    last = own or leg.begins_from
    journal = Journal.load(last) if last else Journal()
    if own and leg.start < checkpoints.number_of(own) < leg.stop:
        journal.resumed_from.append(checkpoints.number_of(own))
    trainer = Pretrainer(model, leg, setting, journal, start=checkpoints.number_of(last) if last else 0)
    if setting.curves and distributed.is_first():
        for callback in tracked(setting.curves, anew=last is None):
            trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return journal


class _Batches(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """This process's share of every step's batch."""

    def __init__(self, leg: Leg, setting: Setting, journal: Journal) -> None:
        self.leg, self.setting, self.journal = leg, setting, journal

    def __len__(self) -> int:
        return self.leg.stop

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        began = time.perf_counter()
        masked = self.setting.batch(step, self.leg)
        share = len(masked.labels) // distributed.processes()
        batch = tensors(masked, distributed.rank() * share, (distributed.rank() + 1) * share)
        self.journal.seconds["data"] += time.perf_counter() - began
        return batch


class _From(torch.utils.data.Sampler[int]):
    """The steps that are left; its length is that of the whole leg, from which the Trainer counts passes."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __len__(self) -> int:
        return self.stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))


class Pretrainer(Trainer):
    """The Trainer with batches, optimiser, schedule and checkpoints of pretraining."""

    def __init__(self, model: MaskedLM, leg: Leg, setting: Setting, journal: Journal, start: int) -> None:
        self.leg, self.setting, self.journal, self.start = leg, setting, journal, start
        self.loss = 0.0
        self.optimizer: torch.optim.Optimizer | None = None
        self.lr_scheduler: Any = None
        super().__init__(model=model, args=_arguments(leg, setting), train_dataset=_Batches(leg, setting, journal))
        self.remove_callback(PrinterCallback)
        self.add_callback(Watch(self))

    def get_train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]]:
        """This process's shares of the batches that are left."""
        from accelerate.data_loader import prepare_data_loader

        loader = DataLoader(
            self.train_dataset,
            1,
            sampler=_From(self.start, self.leg.stop),
            collate_fn=lambda batches: batches[0],
            pin_memory=self.args.dataloader_pin_memory,
        )
        return prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)

    def create_optimizer(self, *_: object) -> torch.optim.Optimizer:
        """The recipe's optimiser."""
        if self.optimizer is None:
            self.optimizer = optimizer_for(self.model, self.setting.recipe)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LambdaLR:
        """The recipe's schedule over the leg."""
        if self.lr_scheduler is None:
            recipe, leg = self.setting.recipe, self.leg
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.create_optimizer(), lambda step: recipe.rate_factor(step, leg.trunk, leg.stop)
            )
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        """The loss of a batch.

        Raises:
            DivergedError: it is not a number.
        """
        loss = model(**inputs)["loss"]
        self.loss = float(loss.detach())
        # Before the backward pass, so that no weight is lost; all processes stop together.
        if not all(map(math.isfinite, distributed.from_all(self.loss))):
            raise DivergedError(f"the training loss is {self.loss} at step {self.state.global_step + 1}")
        return loss

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        if not all(bool(weight.isfinite().all()) for weight in self.model.parameters()):
            raise DivergedError(f"a weight is not a number after step {self.state.global_step}")
        began, problem = time.perf_counter(), ""
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:  # each of the libraries that write has an error of its own for a full disk
            problem = " ".join(str(error).split())[:200] or type(error).__name__
        problem = next(filter(None, distributed.from_all(problem)), "")
        self.journal.seconds["checkpoint"] += time.perf_counter() - began
        if distributed.is_first():
            try:
                if not problem:
                    self.journal.save(folder)
                    checkpoints.complete(folder)
            except OSError as error:
                problem = str(error)
            if problem:
                shutil.rmtree(folder, ignore_errors=True)
        problem = distributed.from_first(lambda: problem)
        if problem:
            raise CheckpointError(problem)


def _arguments(leg: Leg, setting: Setting) -> TrainingArguments:
    recipe = setting.recipe
    arguments = TrainingArguments(
        output_dir=str(leg.folder),
        max_steps=leg.stop,
        per_device_train_batch_size=1,
        learning_rate=recipe.learning_rate,
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        ignore_data_skip=True,  # the loader begins at the right step
        logging_strategy="no",  # the callback logs, since its means must survive a kill
        logging_nan_inf_filter=False,
        save_strategy="no",  # the callback saves by the clock
        report_to="none",
        run_name=setting.curves.folder.name if setting.curves else None,
        disable_tqdm=True,
        seed=setting.seed,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # one GPU a process
    return arguments
