"""The loop: the Hugging Face Trainer over one leg of a run, with checkpoints from which it goes on bit for bit.

Every batch follows from seed and step alone. Several processes take equal shares of each batch, so that their steps are
those of one process.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from harness.machine import distributed
from harness.machine.tracking import Curves
from harness.nn.masked_lm import MaskedLM
from harness.nn.masked_rows import tensors
from harness.nn.masking import Masked, Masker
from harness.nn.training import DivergedError, tracked
from harness.pretraining import checkpoints
from harness.pretraining.heldout import HeldOut, evaluate
from harness.pretraining.journal import Journal
from harness.pretraining.optimizer import optimizer_for
from harness.pretraining.recipe import PretrainRecipe
from harness.pretraining.rows import Rows
from harness.progress import duration
from models import flops

LOG_POINTS = 200
CHECKPOINT_INTERVAL_S = 120.0
_MASKS = 1
"""Tells the generator of masks from that of the order."""


class CheckpointError(RuntimeError):
    """A checkpoint could not be written; the one before it is whole."""


@dataclass(frozen=True)
class Leg:
    """A stretch of a run that is trained in one go.

    Attributes:
        start: the step that it begins after.
        stop: the step that it ends after.
        trunk: the step at which the trunk of its branch ends; ``stop`` at the latest.
        folder: of its checkpoints.
        begins_from: the trunk's checkpoint that it begins from, if any.
    """

    start: int
    stop: int
    trunk: int
    folder: Path
    begins_from: Path | None = None


@dataclass(frozen=True)
class Setting:
    """What all legs of a run share.

    Attributes:
        recipe, seed: of the run.
        rows: of the training part.
        masker: of the tokenizer.
        held: held-out rows of the curve.
        points_every: steps between points of the curve.
        checkpoint_interval_s: seconds between checkpoints.
        curves: where the curves of training go.
        update: moves the display on: tokens done, tokens in all, a remark.
    """

    recipe: PretrainRecipe
    seed: int
    rows: Rows
    masker: Masker
    held: HeldOut
    points_every: int
    checkpoint_interval_s: float
    curves: Curves | None
    update: Callable[..., None]

    def batch(self, step: int, leg: Leg) -> Masked:
        """The whole masked batch of a step (from 0): decided by seed and step alone."""
        recipe = self.recipe
        blocks = recipe.batch_tokens // recipe.longest
        ids = self.rows.read(step * blocks, blocks, recipe.row_length(step, leg.trunk))
        generator = np.random.default_rng([self.seed, step, _MASKS])
        return self.masker.mask(ids, recipe.mask_count(step, leg.trunk, leg.stop), generator)


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
    trainer = _Pretrainer(model, leg, setting, journal, start=checkpoints.number_of(last) if last else 0)
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


class _Pretrainer(Trainer):
    """The Trainer with batches, optimiser, schedule and checkpoints of pretraining."""

    def __init__(self, model: MaskedLM, leg: Leg, setting: Setting, journal: Journal, start: int) -> None:
        self.leg, self.setting, self.journal, self.start = leg, setting, journal, start
        self.loss = 0.0
        self.optimizer: torch.optim.Optimizer | None = None
        self.lr_scheduler: Any = None
        super().__init__(model=model, args=_arguments(leg, setting), train_dataset=_Batches(leg, setting, journal))
        self.remove_callback(PrinterCallback)
        self.add_callback(_Watch(self))

    def get_train_dataloader(self) -> DataLoader[dict[str, torch.Tensor]]:
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
        if self.optimizer is None:
            self.optimizer = optimizer_for(self.model, self.setting.recipe)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LambdaLR:
        if self.lr_scheduler is None:
            recipe, leg = self.setting.recipe, self.leg
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.create_optimizer(), lambda step: recipe.rate_factor(step, leg.trunk, leg.stop)
            )
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
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


class _Watch(TrainerCallback):
    """Counts, logs, evaluates and asks for checkpoints."""

    def __init__(self, trainer: _Pretrainer) -> None:
        self.trainer, self.leg, self.setting, self.journal = trainer, trainer.leg, trainer.setting, trainer.journal
        self.log_every = max(1, self.setting.recipe.steps // LOG_POINTS)
        self.saved = time.monotonic()
        self._mark()
        self.flops: dict[tuple[int, int], float] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.saved = self.began = time.monotonic()
        self.began_at = state.global_step
        if state.global_step == 0 and not self.journal.curve:
            self._point(state)
        self._mark()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        now = time.monotonic()
        self.journal.seconds["train"] += now - self.mark
        self.journal.seconds["processor"] += time.process_time() - self.processor_mark
        self.journal.flops += self._flops_of(state.global_step - 1)
        self.journal.pending.append(self.trainer.loss)
        at_end = state.global_step == self.leg.stop
        if state.global_step % self.log_every == 0:
            self._log(state)
        self.journal.seconds["log"] += time.monotonic() - now
        if state.global_step % self.setting.points_every == 0 or at_end:
            self._point(state)
        if at_end or distributed.from_first(self._is_due):
            control.should_save = True
        self._mark()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.saved = time.monotonic()
        self._mark()

    def _mark(self) -> None:
        self.mark, self.processor_mark = time.monotonic(), time.process_time()

    def _is_due(self) -> bool:
        return time.monotonic() - self.saved >= self.setting.checkpoint_interval_s

    def _log(self, state: TrainerState) -> None:
        recipe, journal = self.setting.recipe, self.journal
        losses = distributed.from_all(sum(journal.pending) / len(journal.pending))
        journal.pending.clear()
        journal.losses.append((state.global_step, sum(losses) / len(losses)))
        rate = (state.global_step - self.began_at) * recipe.batch_tokens / (time.monotonic() - self.began)
        steps = max(self.leg.stop, recipe.steps)  # the trunk shows how far the whole run is
        left = (steps - state.global_step) * recipe.batch_tokens / rate
        held = f", held-out {journal.curve[-1]['loss']:.2f}" if journal.curve else ""
        self.setting.update(
            state.global_step * recipe.batch_tokens,
            steps * recipe.batch_tokens,
            f"loss {journal.losses[-1][1]:.3f}{held}, {rate / 1e3:.1f} K tokens/s, {duration(left)} left",
        )
        rates = self.trainer.lr_scheduler.get_last_lr()
        self.trainer.log({"loss": journal.losses[-1][1], "learning_rate": rates[0], "tokens_per_second": rate})

    def _point(self, state: TrainerState) -> None:
        began, trainer = time.monotonic(), self.trainer
        trainer.model.eval()
        found = evaluate(trainer.model_wrapped, self.setting.held, trainer.args.device)
        trainer.model.train()
        self.journal.curve.append(
            {
                "tokens": state.global_step * self.setting.recipe.batch_tokens,
                "step": state.global_step,
                "seconds": self.journal.seconds["train"],
                "processor_s": self.journal.seconds["processor"],
                "flops": self.journal.flops,
                **found,
            }
        )
        trainer.log({f"eval_{name}": value for name, value in found.items()})
        self.journal.seconds["evaluate"] += time.monotonic() - began

    def _flops_of(self, step: int) -> float:
        """Needed operations of a step's whole batch.

        They are counted once for every shape, on the first batch: Avey-B's ranking depends a little on the text, and a run
        that was cut off must count as one that was not.
        """
        recipe, leg = self.setting.recipe, self.leg
        length, count = recipe.row_length(step, leg.trunk), recipe.mask_count(step, leg.trunk, leg.stop)
        if (length, count) not in self.flops:
            ids = self.setting.rows.read(0, recipe.batch_tokens // recipe.longest, length)
            self.flops[length, count] = flops_of_batch(self.trainer.model, ids, count)
        return self.flops[length, count]


def flops_of_batch(model: MaskedLM, ids: NDArray[np.int64], count: int) -> float:
    """Needed operations of a training step: the encoder's, and the head's on ``count`` positions of each row of ``ids``.

    Of an encoder whose architecture is not known, six for each weight outside of embeddings and each token.
    """
    counted = flops.count(model.encoder.config, ids, "training")
    vocabulary, width = model.encoder.get_input_embeddings().weight.shape
    head = 6.0 * len(ids) * count * width * (width + vocabulary)
    if counted:
        return counted.needed + head
    tables = {id(table.weight) for table in model.modules() if isinstance(table, torch.nn.Embedding)}
    weights = sum(weight.numel() for weight in model.encoder.parameters() if id(weight) not in tables)
    return 6.0 * weights * ids.size + head
