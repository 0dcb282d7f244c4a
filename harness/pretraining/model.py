"""Construction of an encoder with the masked-LM head, with other config values than those of its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.nn.masked_lm import MaskedLM
from harness.registry import suggestion
from models import scratch
from models.encoder import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


def build(
    encoder: Encoder,
    size: str,
    options: Mapping[str, str],
    tokenizer: PreTrainedTokenizerBase,
    positions: str = "random",
) -> tuple[MaskedLM, PreTrainedConfig]:
    """A model from random weights, drawn from torch's global generator, without dropout.

    Args:
        encoder: the encoder.
        size: one of its sizes.
        options: values of its config as text, in place of those of the size.
        tokenizer: decides vocabulary and special ids.
        positions: how a table of learned positions starts, ``random`` or ``sinusoids``.

    Returns:
        The model, and the config as the size has it, with dropout, for the checkpoint.

    Raises:
        InputError: the config has no such value, no model can be built with it, or there is no table for the sinusoids.
    """
    declared = dict(encoder.size(size).options)
    try:
        plain = scratch.config_of(encoder, declared, tokenizer)
        values = declared | {name: _value_of(encoder, plain, name, text) for name, text in options.items()}
        config = scratch.config_of(encoder, values, tokenizer)
        without = scratch.config_of(encoder, values | scratch.no_dropout(config), tokenizer)
        model = scratch.from_config(encoder, without)
    except (ValueError, TypeError, RuntimeError, LookupError) as error:
        # A lookup error's message is what was looked for, such as the name of an activation.
        reason = f"there is no {error}" if isinstance(error, LookupError) else " ".join(str(error).split())
        raise InputError(f"{encoder.name} {size} cannot be built with these options: {reason}") from error
    if positions == "sinusoids":
        scratch.start_from_sinusoids(model)
    return MaskedLM(model), config


def config_values(
    encoder: Encoder, size: str, tokenizer: PreTrainedTokenizerBase
) -> dict[str, bool | int | float | str]:
    """The values of the config of a size that options can replace."""
    return _plain_values(scratch.config_of(encoder, dict(encoder.size(size).options), tokenizer))


def _plain_values(config: PreTrainedConfig) -> dict[str, bool | int | float | str]:
    return {key: value for key, value in config.to_dict().items() if isinstance(value, bool | int | float | str)}


def _value_of(encoder: Encoder, config: PreTrainedConfig, name: str, text: str) -> Any:
    """An option's text as the kind of value that the config holds under this name."""
    known = _plain_values(config)
    if name in scratch.OF_TOKENIZER:
        raise InputError(f"{name} is decided by the tokenizer; choose another with --tokenizer")
    if name not in known:
        raise InputError(f"{encoder.name} has no config value {name!r}{suggestion(name, known)}")
    kind = type(known[name])
    words: dict[str, Any] = {"true": True, "false": False}
    try:
        return words[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise InputError(f"--model-option {name} takes a value like {known[name]!r}, not {text!r}") from None
