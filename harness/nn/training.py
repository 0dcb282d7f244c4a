"""Fine-tuning: the Hugging Face Trainer, configured once from a recipe, the same for every encoder.

Long training leaves a checkpoint every few minutes, from which the same command goes on after a kill, in the same order
and with the same numbers. Several processes (see `harness.machine.distributed`) take the steps that one process would take.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.cells.recipe import Recipe
from harness.machine import distributed
from harness.nn.dropout import quick_masks
from harness.nn.inference import pad
from tasks.task import IGNORED, Feature

CHECKPOINT_INTERVAL_S = 300.0
BATCHES_A_POOL = 4
"""Few: with pools of fifty batches, whose texts are all short or all long, MiniLM lost 0.02 F1 on WNUT 2017."""
_COMPLETE = "complete"


@dataclass(frozen=True)
class Fit:
    """What training did.

    Attributes:
        steps: optimiser steps taken.
        losses: (step, mean training loss since the last entry), about a hundred entries.
        resumed_from_step: the step of the checkpoint that training went on from; 0 when it began anew.
    """

    steps: int
    losses: list[tuple[int, float]]
    resumed_from_step: int = 0


class DivergedError(RuntimeError):
    """The training loss is not a number any more."""


def fit(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: Any,
    recipe: Recipe,
    seed: int,
    progress: Callable[[int, int, float | None], None] = lambda step, steps, loss: None,
    checkpoints: Path | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
    curves: Path | None = None,
) -> Fit:
    """Fine-tune the model in place.

    Args:
        model: an encoder with a head whose forward returns ``loss``.
        features: training inputs with ``labels``.
        tokenizer: pads.
        recipe: how to train.
        seed: of the order of examples and of dropout.
        progress: called with the step, the number of steps and the latest loss.
        checkpoints: folder for checkpoints; training goes on from the last whole one that it holds. The caller removes
            it when the run is kept.
        checkpoint_interval_s: seconds between checkpoints.
        curves: folder for TensorBoard's event file: loss, learning rate and gradient norm.

    Raises:
        InputError: the batch cannot be divided equally among the processes.
        DivergedError: the loss or a weight became infinite or not a number.
    """
    from accelerate.data_loader import prepare_data_loader
    from transformers import Trainer, TrainingArguments

    steps = recipe.steps(len(features))

    class ByLength(Trainer):
        def get_train_dataloader(self) -> Any:
            # Every process goes through the same whole batches and collates its share of each: the batches, their
            # order and the number of steps are those of one process. The Trainer's own division is not asked for.
            lengths = [len(feature["input_ids"]) for feature in features]
            whole_batches = torch.utils.data.DataLoader(
                self.train_dataset,
                recipe.batch_size,
                sampler=_LengthGroups(lengths, recipe.batch_size, seed),
                collate_fn=lambda batch: _collate(_share(batch), tokenizer),
                pin_memory=self.args.dataloader_pin_memory,
            )
            return prepare_data_loader(whole_batches, num_processes=1, process_index=0)

        def compute_loss(self, model: Any, inputs: Any, *others: Any, **options: Any) -> Any:
            if distributed.processes() == 1:
                return super().compute_loss(model, inputs, *others, **options)
            # Gradients are averaged over processes, but labels are not spread evenly: a mean over few labels would
            # count as much as one over many. Weighted by their share they make the mean over the whole batch.
            outputs = model(**inputs)
            labels = (inputs["labels"] != IGNORED).sum()
            share = labels * distributed.processes() / self.accelerator.reduce(labels.clone(), "sum")
            return outputs["loss"] * share if labels else outputs["logits"].sum() * 0.0

    def trainer(arguments: Any) -> Trainer:
        return ByLength(model=model, args=arguments, train_dataset=_Features(features))

    return train_by(
        trainer, TrainingArguments, steps, recipe, seed, progress, checkpoints, checkpoint_interval_s, curves
    )


def train_by(
    trainer_with: Callable[[Any], Any],
    arguments_class: Callable[..., Any],
    steps: int,
    recipe: Recipe,
    seed: int,
    progress: Callable[[int, int, float | None], None],
    checkpoints: Path | None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
    curves: Path | None = None,
) -> Fit:
    """Train with a Trainer of the transformers family: what all tasks have in common.

    Args:
        trainer_with: makes the Trainer with its arguments.
        arguments_class: of these arguments.
        steps: optimiser steps that will be taken.
        recipe, seed, progress, checkpoints, checkpoint_interval_s, curves: see `fit`.

    Raises:
        InputError: the batch cannot be divided equally among the processes.
        DivergedError: the loss or a weight became infinite or not a number.
    """
    from transformers import TrainerCallback
    from transformers.trainer_callback import PrinterCallback

    class Report(TrainerCallback):
        def __init__(self) -> None:
            self.loss: float | None = None
            self.saved = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **others: Any) -> None:
            self.loss = logs.get("loss", self.loss)
            if self.loss is not None and not math.isfinite(self.loss):
                raise DivergedError(f"the training loss is {self.loss} at step {state.global_step}; try a lower --lr")

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            progress(state.global_step, steps, self.loss)
            # Where a loss is logged, so that none is averaged over two lives of the run; by one clock for all processes.
            if checkpoints and state.global_step % args.logging_steps == 0:
                control.should_save = distributed.from_first(self.is_due)

        def is_due(self) -> bool:
            return time.monotonic() - self.saved >= checkpoint_interval_s

        def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            distributed.from_all(state.global_step)  # every process has written its part
            if distributed.is_first():
                (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _COMPLETE).touch()
            self.saved = time.monotonic()

    with _folder(checkpoints) as folder:
        arguments = arguments_class(
            output_dir=str(folder),
            num_train_epochs=recipe.epochs,
            max_steps=recipe.max_steps or -1,
            per_device_train_batch_size=distributed.batch_share(recipe.batch_size),
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
            dataloader_pin_memory=torch.cuda.is_available(),
            remove_unused_columns=False,
            logging_steps=max(1, steps // 100),
            logging_nan_inf_filter=False,
            save_strategy="no",  # the callback saves by the clock
            save_total_limit=1,
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)  # one GPU a process, so that a batch is as large as the recipe says
        trainer = trainer_with(arguments)
        trainer.add_callback(Report())
        trainer.remove_callback(PrinterCallback)
        last = distributed.from_first(lambda: _last_checkpoint(folder))
        if last and not all(distributed.from_all(last.is_dir())):
            last = None  # a folder that not all machines share
        if curves and distributed.is_first():
            trainer.add_callback(curves_in(curves, anew=last is None))
        if distributed.rank():
            torch.manual_seed(seed + 1_000_003 * distributed.rank())  # dropout that is not the same in every process
        with quick_masks():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        # No loss is computed after the last update, and those of the last few steps may not be logged.
        if not all(parameter.isfinite().all() for parameter in trainer.model.parameters()):
            raise DivergedError(f"weights are not finite after step {trainer.state.global_step}; try a lower --lr")
    losses = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return Fit(trainer.state.global_step, losses, int(last.name.rpartition("-")[2]) if last else 0)


class _LengthGroups(torch.utils.data.Sampler[int]):
    """An order in which the examples of a batch have like lengths and the batches do not.

    Pools of a few random batches are sorted by length and cut, and all batches shuffled. Seed and epoch alone decide
    the order: transformers' own sampler takes it from the global generator, so that a resumed run would see another.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        shuffled: list[int] = torch.randperm(len(self.lengths), generator=generator).tolist()
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), BATCHES_A_POOL * self.batch_size):
            pool = shuffled[start : start + BATCHES_A_POOL * self.batch_size]
            pool.sort(key=lambda index: self.lengths[index])
            batches += [pool[cut : cut + self.batch_size] for cut in range(0, len(pool), self.batch_size)]
        # A batch that is not full stays at the end, where it does not shift the others.
        whole = len(self.lengths) // self.batch_size
        order = [*torch.randperm(whole, generator=generator).tolist(), *range(whole, len(batches))]
        return (index for batch in order for index in batches[batch])


@contextmanager
def _folder(checkpoints: Path | None) -> Iterator[Path]:
    """The folder for checkpoints, or one for nothing; it does not stay when it holds no checkpoint."""
    if checkpoints is None:
        with tempfile.TemporaryDirectory(prefix="harness-fit-") as folder:
            yield Path(folder)
        return
    if distributed.is_first():
        whole = {mark.parent for mark in checkpoints.glob(f"*/{_COMPLETE}")}
        for cut_off in set(checkpoints.glob("checkpoint-*")) - whole:
            shutil.rmtree(cut_off)
    try:
        yield checkpoints
    finally:
        if distributed.is_first() and _last_checkpoint(checkpoints) is None:
            shutil.rmtree(checkpoints, ignore_errors=True)


def curves_in(folder: Path, anew: bool) -> Any:
    """A callback that writes TensorBoard's curves; those of an earlier run of the cell go, those of a cut-off one stay."""
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    if anew:
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
    return TensorBoardCallback(SummaryWriter(log_dir=str(folder)))


def _last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end, if there is one."""
    whole = [mark.parent for mark in folder.glob(f"checkpoint-*/{_COMPLETE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class _Features(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> Feature:
        return self.features[index]


def _share(batch: Sequence[Feature]) -> Sequence[Feature]:
    """What this process takes of a batch: every n-th example, since neighbours are of like length.

    A process that gets nothing of a last, small batch takes an example without labels, which has no loss.
    """
    share = batch[distributed.rank() :: distributed.processes()]
    return share or [{**batch[0], "labels": _ignored(batch[0]["labels"])}]


def _ignored(labels: Any) -> Any:
    return [IGNORED] * len(labels) if isinstance(labels, list | tuple) else IGNORED


def _collate(batch: Sequence[Feature], tokenizer: Any) -> dict[str, torch.Tensor]:
    """A padded batch; where labels are lists, one a token, those of padding are ignored."""
    inputs = pad(batch, tokenizer)
    length = inputs["input_ids"].shape[1]
    labels = [feature["labels"] for feature in batch]
    labels = [label + [IGNORED] * (length - len(label)) if isinstance(label, list) else label for label in labels]
    return {**inputs, "labels": torch.tensor(labels)}
