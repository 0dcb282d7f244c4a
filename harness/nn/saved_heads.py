"""A fine-tuned encoder as a model of transformers: the same weights in a class that the Auto classes load.

The class is the one that transformers has for the encoder and the kind of head, if its head is one linear layer; otherwise that
of `models.linear_heads`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from harness.errors import InputError
from harness.nn.determinism import random_states_restored
from harness.nn.inference import pad
from models.fine_tuned import AUTO_CLASSES
from models.logits import WithLogits
from tasks.task import one_by_one
from tasks.words import PROBE

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_EQUAL = 1e-4
"""Largest difference of logits that rounding can make on the probe of `refuse_unsavable`; other heads differ by far more."""


def refuse_unsavable(
    model: nn.Module, head: str, labels: Sequence[str], tokenizer: PreTrainedTokenizerBase, name: str
) -> None:
    """See before training that the model can be saved: a class has its head and computes the same. No random state changes.

    Args:
        model: encoder and head, see `harness.nn.heads`.
        head: ``token``, ``span`` or ``sequence``.
        labels: names of the head's outputs, in order.
        tokenizer: of the encoder.
        name: of the encoder, for the message.

    Raises:
        InputError: there is no such class.
    """
    with random_states_restored():
        saved = saved_model(model, head, labels)
        if saved is not None and _largest_difference(model, saved, head, tokenizer) <= _EQUAL:
            return
    raise InputError(
        f"{name} cannot be saved: transformers knows no class for it with the harness's {head} head, one linear layer; register "
        f"one with {AUTO_CLASSES[head]}, or leave --save-model out"
    )


@torch.no_grad()
def saved_model(model: nn.Module, head: str, labels: Sequence[str]) -> PreTrainedModel | None:
    """A copy of a model in a class of transformers with the same head; ``None`` if there is no such class.

    Args:
        model: encoder and head, see `harness.nn.heads`.
        head: kind of the head.
        labels: names of its outputs, in order.
    """
    encoder, classifier = cast("PreTrainedModel", model.encoder), cast(nn.Linear, model.classifier)
    for config in _configs(encoder.config, labels):
        built = _built(config, head)
        if built is None:
            continue
        trunk = _trunk(built)
        names = _of_head(built, trunk, {name for name, _ in encoder.named_parameters()}, classifier)
        if names is not None:
            # Avey-B's heads subclass the encoder, so there the trunk is the whole model and also has a classifier.
            trunk.load_state_dict(encoder.state_dict(), strict=trunk is not built)
            parameters = dict(built.named_parameters())
            for name, value in zip(names, (classifier.weight, classifier.bias), strict=True):
                parameters[name].copy_(value)
            return built.eval()
    return None


def _configs(config: PreTrainedConfig, labels: Sequence[str]) -> list[PreTrainedConfig]:
    """The encoder's config and, if there is one, that of the class with a linear head; both with the labels."""
    from models.linear_heads import CONFIGS

    config = deepcopy(config)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    found = [config]
    if config.model_type in CONFIGS:
        values = {key: value for key, value in config.to_dict().items() if key != "model_type"}
        found.append(CONFIGS[config.model_type].from_dict(values))
    return found


def _built(config: PreTrainedConfig, head: str) -> PreTrainedModel | None:
    """A model of the class that transformers knows for the config and the head, if it knows one."""
    import transformers

    known: Any = getattr(transformers, AUTO_CLASSES[head])._model_mapping
    if type(config) not in known:
        return None
    return cast("PreTrainedModel", known[type(config)](config))


def _trunk(model: PreTrainedModel) -> nn.Module:
    """The bare encoder in a model; the model itself if its class is a subclass of the encoder's."""
    return cast(nn.Module, getattr(model, model.base_model_prefix, model)) if model.base_model_prefix else model


def _of_head(
    model: PreTrainedModel, trunk: nn.Module, of_encoder: set[str], classifier: nn.Linear
) -> tuple[str, str] | None:
    """The names of the head's weight and bias, if the model has them and nothing else on top of the bare encoder."""
    prefix = "" if trunk is model else f"{model.base_model_prefix}."
    own = {name: value for name, value in model.named_parameters() if name.removeprefix(prefix) not in of_encoder}
    by_end = {name.rpartition(".")[2]: name for name in own}
    if len(own) != 2 or set(by_end) != {"weight", "bias"} or own[by_end["weight"]].shape != classifier.weight.shape:
        return None
    return by_end["weight"], by_end["bias"]


@torch.no_grad()
def _largest_difference(
    model: nn.Module, saved: PreTrainedModel, head: str, tokenizer: PreTrainedTokenizerBase
) -> float:
    """Between the logits of both models for two texts of different lengths."""
    device = next(model.parameters()).device
    tokenised = tokenizer([" ".join(PROBE), PROBE[0]], truncation=True, max_length=16, verbose=False)
    batch = {name: tensor.to(device) for name, tensor in pad(one_by_one(tokenised), tokenizer).items()}
    was_training = model.training
    ours: Tensor = model.eval()(**batch)["logits"]
    theirs: Tensor = WithLogits(saved.to(device), head)(**batch)["logits"]
    model.train(was_training)
    difference = (ours - theirs)[batch["attention_mask"].bool()] if ours.ndim == 3 else ours - theirs
    return float(difference.abs().max())
