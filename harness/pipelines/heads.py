"""The model of a labelling task: an encoder with a new head to train, or a fine-tuned checkpoint with its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import nn

from harness.cells.cell import Cell
from harness.machine.device import device
from harness.nn.heads import Head, with_head
from harness.nn.saved_heads import refuse_unsavable
from harness.pipelines.stages import Parts, load_encoder
from models import loading
from models.encoder import Encoder, refuse_longer
from models.fine_tuned import FineTuned, bare_parameters, load_with_head, outputs_of
from models.logits import WithLogits
from models.parameters import ParameterCounts, count_parameters
from tasks.data import Data
from tasks.task import LabellingTask, OtherHead, TakesOtherHeads

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Headed:
    """A model with a head, on the device that it runs on.

    Attributes:
        model: its forward returns ``logits``.
        tokenizer: of its encoder.
        limit: tokens of the longest input; ``None`` if there is no limit.
        task: reads its outputs.
        labels: of the outputs, in order.
        data: the examples, with notes on the head.
        parameters: of the encoder, without the head.
    """

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    limit: int | None
    task: LabellingTask
    labels: tuple[str, ...]
    data: Data
    parameters: ParameterCounts


def headed(cell: Cell, parts: Parts[Encoder, LabellingTask], data: Data) -> Headed:
    """The model of a cell.

    Raises:
        InputError: the weights cannot be loaded, the inputs are longer than the encoder takes, the labels of a fine-tuned
            checkpoint do not match, or the model is to be kept and cannot be saved.
    """
    if parts.fine_tuned is not None:
        return _with_own_head(cell, parts, parts.fine_tuned, data)
    encoder, tokenizer, limit = load_encoder(cell, parts)
    model = with_head(parts.task.head, encoder, len(data.labels)).to(device())
    if cell.recipe.train == "head" and isinstance(model, Head):
        model.freeze()
    if parts.keep_model:
        refuse_unsavable(model, parts.task.head, data.labels, tokenizer, cell.model)
    return Headed(model, tokenizer, limit, parts.task, data.labels, data, count_parameters(encoder))


def _with_own_head(cell: Cell, parts: Parts[Encoder, LabellingTask], found: FineTuned, data: Data) -> Headed:
    model, tokenizer = load_with_head(found, parts.task.head, half_precision=cell.recipe.precision == "bf16")
    limit = loading.max_length(model, parts.model, cell.size)
    refuse_longer(cell.model, cell.recipe.max_length, limit)
    read = OtherHead(parts.task, data.labels)
    if isinstance(parts.task, TakesOtherHeads):
        read = parts.task.for_head(outputs_of(model), cell.dataset, data, parts.given_labels)
    return Headed(
        WithLogits(model, parts.task.head).to(device()),
        tokenizer,
        limit,
        read.task,
        read.labels,
        replace(data, notes=(*data.notes, *read.notes)),
        count_parameters(bare_parameters(found, model)),
    )
