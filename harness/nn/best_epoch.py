"""Keep the weights of the epoch with the best dev score. Importing it imports transformers' Trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.torch import load_model, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.machine import distributed

if TYPE_CHECKING:
    from torch import nn

FILE = "best.safetensors"


class BestEpoch(TrainerCallback):
    """Scores the weights after every epoch, and saves them if no earlier epoch was as good.

    The file has score and epoch in it, so that a resumed run knows them. Of several processes, the first one scores and saves.

    Args:
        judge: gives the dev score of the weights as they are.
        folder: for the file.
    """

    def __init__(self, judge: Callable[[], float], folder: Path) -> None:
        self.judge, self.file = judge, folder / FILE

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: object
    ) -> None:
        """Forget the epochs of a run that is not continued."""
        if state.global_step == 0 and distributed.is_first():
            self.file.unlink(missing_ok=True)

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        **others: object,
    ) -> None:
        """Score, and save if it is the best so far."""
        distributed.from_first(lambda: self._judge(model, float(state.epoch or 0)))

    def restore(self, model: nn.Module) -> float:
        """Give the model the best weights; returns their epoch."""
        load_model(model, str(self.file))
        return self._saved()[1]

    def _judge(self, model: nn.Module, epoch: float) -> float:
        score = self.judge()
        if not self.file.exists() or score > self._saved()[0]:
            new = self.file.with_suffix(".new")
            save_model(getattr(model, "module", model), str(new), {"score": repr(score), "epoch": repr(epoch)})
            new.replace(self.file)
        return score

    def _saved(self) -> tuple[float, float]:
        """Score and epoch of the saved weights."""
        with safe_open(str(self.file), framework="pt") as content:
            told = content.metadata()
        return float(told["score"]), float(told["epoch"])
