"""An encoder with the masked-LM head that all encoders share, and the encoder's construction with other config values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import InputError
from harness.nn.heads import width_of
from harness.pretraining.masking import IGNORED
from harness.registry import suggestion
from models import loading
from models.encoder import Encoder

NORM_EPS = 1e-5


class MaskedLM(nn.Module):
    """An encoder and a head at the masked positions alone: dense, GELU, norm, decoder tied to the token embedding.

    The head is BERT's (Devlin et al. 2019) without the biases of dense layer and norm, as ModernBERT's is, so that it
    fits into the masked-LM classes of `transformers`; the decoder has a bias.

    Args:
        encoder: a bare `transformers` model.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        width = width_of(encoder)
        embeddings = encoder.get_input_embeddings()
        if embeddings.weight.shape[1] != width:
            raise InputError(
                f"{type(encoder).__name__} has embeddings of width {embeddings.weight.shape[1]} and states of width {width}; "
                "the tied decoder needs both to be equal"
            )
        self.encoder = encoder
        self.dense = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width, eps=norm_eps(encoder.config), bias=False)
        self.bias = nn.Parameter(torch.zeros(len(embeddings.weight)))
        nn.init.normal_(self.dense.weight, std=0.02)
        required = inspect.signature(encoder.forward).parameters.get("attention_mask")
        self.needs_mask = required is not None and required.default is inspect.Parameter.empty

    def forward(self, input_ids: Tensor, positions: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Predict masked tokens.

        Args:
            input_ids: (rows, length), all of them tokens: rows are full.
            positions: (rows, count) of each row.
            labels: (rows, count) ids, or -100 where nothing is predicted.

        Returns:
            ``logits`` (rows * count, vocabulary) in float32; with labels also ``loss``: the sum of their
            cross-entropies, in nats, over the number of positions.
        """
        mask = {"attention_mask": torch.ones_like(input_ids)} if self.needs_mask else {}
        hidden = self.encoder(input_ids=input_ids, **mask).last_hidden_state
        start = torch.arange(len(hidden), device=hidden.device)[:, None] * hidden.shape[1]
        chosen = hidden.flatten(0, 1).index_select(0, (positions + start).flatten())
        logits = self.decode(chosen)
        if labels is None:
            return {"logits": logits}
        losses = nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
        return {"loss": losses / labels.numel(), "logits": logits}

    def decode(self, hidden: Tensor) -> Tensor:
        """Logits (n, vocabulary) in float32 for hidden states (n, width)."""
        states = self.norm(nn.functional.gelu(self.dense(hidden)).float())
        return nn.functional.linear(states, self.encoder.get_input_embeddings().weight).float() + self.bias


def norm_eps(config: Any) -> float:
    """The eps of the head's norm: the encoder's own, since the masked-LM classes of `transformers` take that."""
    return float(getattr(config, "layer_norm_eps", getattr(config, "norm_eps", NORM_EPS)))


def build(encoder: Encoder, size: str, options: Mapping[str, str], tokenizer: Any) -> tuple[MaskedLM, Any]:
    """A model from random weights, drawn from torch's global generator, without dropout.

    Args:
        encoder: the encoder.
        size: one of its sizes.
        options: values of its config as text, in place of those of the size.
        tokenizer: decides vocabulary and special ids.

    Returns:
        The model, and the config as the size has it, with dropout, for the checkpoint.

    Raises:
        InputError: the config has no such value, or no model can be built with it.
    """
    declared = dict(encoder.size(size).options)
    try:
        plain = loading.config_of(encoder, declared, tokenizer)
        values = declared | {name: _value_of(encoder, plain, name, text) for name, text in options.items()}
        config = loading.config_of(encoder, values, tokenizer)
        off = {name: 0.0 for name, value in config.to_dict().items() if "dropout" in name and isinstance(value, float)}
        model = loading.from_config(encoder, loading.config_of(encoder, values | off, tokenizer))
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{encoder.name} {size} cannot be built with these options: {' '.join(str(error).split())}"
        ) from error
    return MaskedLM(model), config


def _value_of(encoder: Encoder, config: Any, name: str, text: str) -> Any:
    """An option's text as the kind of value that the config holds under this name."""
    known = {key: value for key, value in config.to_dict().items() if isinstance(value, bool | int | float | str)}
    if name not in known:
        raise InputError(f"{encoder.name} has no config value {name!r}{suggestion(name, known)}")
    kind = type(known[name])
    words: dict[str, Any] = {"true": True, "false": False}
    try:
        return words[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise InputError(f"--model-option {name} takes a value like {known[name]!r}, not {text!r}") from None
