"""The result as an ordinary checkpoint: `transformers` loads it with its head where it has a masked-LM class for the encoder.

Of other encoders the folder holds the bare encoder, and the head beside it in a file of its own.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from harness.errors import InputError
from harness.nn.masked_lm import HEAD_FILE, MaskedLM
from models import loading
from models.encoder import Encoder
from models.tokenizer import with_mask_for_words
from models.weights import find_weights
from tasks.words import PROBE

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class NativeHead:
    """Where a masked-LM class keeps what `MaskedLM` has.

    Attributes:
        model: ``"module:Class"``.
        dense, norm, bias: names of the tensors.
        absent: tensors that the class has and `MaskedLM` has not: they are zero.
        config: values of the config with which the class has this head.
    """

    model: str
    dense: str
    norm: str
    bias: str
    absent: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, config: PreTrainedConfig) -> bool:
        """Whether the class computes what `MaskedLM` computes: BERT's head has the activation of its layers."""
        return getattr(config, "hidden_act", "gelu") == "gelu" if config.model_type == "bert" else True


_OURS: dict[str, Any] = {"dense": "head.dense.weight", "norm": "head.norm.weight", "bias": "head.bias"}
NATIVE: Mapping[str, NativeHead] = {
    "bert": NativeHead(
        "transformers:BertForMaskedLM",
        "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.bias",
        ("cls.predictions.transform.dense.bias", "cls.predictions.transform.LayerNorm.bias"),
    ),
    "roberta": NativeHead(
        "transformers:RobertaForMaskedLM",
        "lm_head.dense.weight",
        "lm_head.layer_norm.weight",
        "lm_head.bias",
        ("lm_head.dense.bias", "lm_head.layer_norm.bias"),
    ),
    "modernbert": NativeHead(
        "transformers:ModernBertForMaskedLM",
        "head.dense.weight",
        "head.norm.weight",
        "decoder.bias",
        ("head.dense.bias", "head.norm.bias"),
        {"classifier_activation": "gelu", "decoder_bias": True},
    ),
    "avey-b": NativeHead("models.avey_b:AveyBForMaskedLM", **_OURS, config={"masked_lm_head": True}),
    "neobert": NativeHead("models.neobert:NeoBERTForMaskedLM", **_OURS, config={"masked_lm_head": True}),
}
"""By the config's ``model_type``."""


def save(model: MaskedLM, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write encoder, head and tokenizer into a folder.

    Args:
        model: what was trained.
        config: of the encoder, as fine-tuning wants it, with its dropout.
        tokenizer: that it was trained with.
        folder: made here.

    Raises:
        OSError: the folder cannot be written.
    """
    native = NATIVE.get(config.model_type)
    scale = 1.0
    if hasattr(config, "output_scale"):
        # No norm follows the last layer, and the head begins with one, so training leaves the scale of the states to chance. With a
        # power of two, and its inverse in the head, both compute what they did in every bit.
        scale = _to_unit_scale(model.encoder, tokenizer)
        config.output_scale = model.encoder.config.output_scale * scale
    if native is None or not native.fits(config):
        bare = type(model.encoder)
        saved = bare.from_pretrained(None, config=config, state_dict=model.encoder.state_dict())
        saved.save_pretrained(folder)
        save_file(_head_of(model, scale), str(folder / HEAD_FILE))
    else:
        for name, value in native.config.items():
            setattr(config, name, value)
        with_head = _class(native.model)(config)
        _fill(with_head, model, native, scale)
        with_head.save_pretrained(folder)
    with_mask_for_words(tokenizer).save_pretrained(folder)


def load(encoder: Encoder, folder: Path) -> tuple[MaskedLM, PreTrainedConfig]:
    """A pretrained encoder with its head, and its tokenizer.

    Args:
        encoder: the encoder.
        folder: a checkpoint that `save` wrote, or another masked-LM checkpoint with a head of the same form.

    Raises:
        InputError: the folder holds no checkpoint of the encoder, or no head.
    """
    bare, tokenizer = loading.load(encoder, "custom", find_weights(encoder, "custom", str(folder)))
    model = MaskedLM(bare)
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(Path(folder).glob("*.safetensors")):
        tensors |= load_file(file)
    native = NATIVE.get(bare.config.model_type)
    names = {"dense.weight": "dense.weight", "norm.weight": "norm.weight", "bias": "bias"}
    if native is not None and native.dense in tensors:
        names = {"dense.weight": native.dense, "norm.weight": native.norm, "bias": native.bias}
        if any(bool(tensors[name].any()) for name in native.absent if name in tensors):
            raise InputError(f"the masked-LM head of {folder} has biases; use one that `harness pretrain` wrote")
    if missing := [name for name in names.values() if name not in tensors]:
        raise InputError(f"{folder} holds no masked-LM head ({missing[0]} is missing); pretrain it first")
    model.load_state_dict({ours: tensors[theirs] for ours, theirs in names.items()}, strict=False)
    return model.eval(), tokenizer


@torch.no_grad()
def _to_unit_scale(encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
    """The power of two that gives the states of an encoder a root mean square of about 1."""
    tokens = tokenizer(" ".join(PROBE), return_tensors="pt")["input_ids"].to(encoder.device)
    mean_square = float(encoder(input_ids=tokens).last_hidden_state.float().square().mean())
    return 2.0 ** -round(math.log2(mean_square) / 2)


def _head_of(model: MaskedLM, scale: float) -> dict[str, torch.Tensor]:
    """The head's tensors, for states that are multiplied by a scale."""
    state = model.state_dict()
    return {
        "dense.weight": state["dense.weight"] / scale,
        "norm.weight": state["norm.weight"].contiguous(),
        "bias": state["bias"].contiguous(),
    }


@torch.no_grad()
def _fill(with_head: nn.Module, model: MaskedLM, native: NativeHead, scale: float) -> None:
    """Give a masked-LM model the trained weights."""
    trunk: nn.Module = getattr(with_head, str(with_head.base_model_prefix), with_head)  # Avey-B has no prefix
    trunk.load_state_dict(model.encoder.state_dict(), strict=trunk is not with_head)
    parameters = dict(with_head.named_parameters())
    for name, value in zip((native.dense, native.norm, native.bias), _head_of(model, scale).values(), strict=True):
        parameters[name].copy_(value)
    for name in native.absent:
        if name in parameters:
            parameters[name].zero_()
    with_head.tie_weights()  # type: ignore[operator]


def _class(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
