"""What is watched while a model is pretrained: the training loss, the held-out curve, and when a checkpoint is due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.machine import distributed
from harness.nn.masked_lm import MaskedLM
from harness.pretraining.heldout import evaluate
from harness.progress import duration
from models import flops

if TYPE_CHECKING:
    from harness.pretraining.training import Pretrainer

LOG_POINTS = 200


class Watch(TrainerCallback):
    """Counts, logs, evaluates and asks for checkpoints."""

    def __init__(self, trainer: Pretrainer) -> None:
        self.trainer, self.leg, self.setting, self.journal = trainer, trainer.leg, trainer.setting, trainer.journal
        self.log_every = max(1, self.setting.recipe.steps // LOG_POINTS)
        self.saved = time.monotonic()
        self._mark()
        self.flops: dict[tuple[int, int], float] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Score the weights of the start, unless the run goes on from a checkpoint."""
        self.saved = self.began = time.monotonic()
        self.began_at = state.global_step
        if state.global_step == 0 and not self.journal.curve:
            self._point(state)
        self._mark()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Count the step; log, evaluate and ask for a checkpoint where they are due."""
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
        """Wait for the next checkpoint from now."""
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
