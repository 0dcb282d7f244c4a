"""Models from random weights: their config, their width and how they are initialised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.errors import InputError
from models.encoder import Encoder
from tasks.task import OwnTokens

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

USUAL_WIDTH = 768
"""The size of hidden states for which published designs choose the deviation of their random matrices."""
OF_TOKENIZER = ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
"""Config values that follow from the tokenizer."""
DEVIATIONS = ("initializer_range", "decoder_init_range")
"""Config values that give this deviation as a number. Rules such as Xavier's follow the width by themselves."""


def config_of(encoder: Encoder, options: Mapping[str, object], tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    """A config of the encoder with these values and with the vocabulary and special ids of the tokenizer."""
    return encoder.config_class(**options, vocab_size=len(tokenizer), **_special_ids(tokenizer))


def from_config(
    encoder: Encoder, config: PreTrainedConfig, half_precision: bool = False, attention: str = "best"
) -> PreTrainedModel:
    """The bare model, in float32, initialised from torch's global generator as its config says.

    Args:
        encoder: the encoder.
        config: of the model; the attention kernel is written into it.
        half_precision, attention: see `load`.

    Raises:
        InputError: the model does not have this kernel, or the machine lacks it.
    """
    from models.attention import kernels

    kernels.choose(config, encoder.model_class, attention, half_precision)
    return encoder.model_class(config, **encoder.model_options)


def start_from_sinusoids(model: PreTrainedModel) -> None:
    """Let the table of learned positions start as sinusoids, and no longer as random vectors.

    Each position is a vector of length 1: sines, then cosines, with wavelengths from two pi to the number of positions, evenly
    spaced in the logarithm (after Vaswani et al. 2017, section 3.5). The product of two positions then depends on their distance,
    which a model otherwise has to learn for each pair. The table is trained as before, and a checkpoint is what it always was.

    Args:
        model: its table is the embedding named ``position_embeddings``, as in BERT and RoBERTa.

    Raises:
        InputError: the model learns no positions.
    """
    import torch
    from torch import nn

    tables = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and name.rpartition(".")[2] == "position_embeddings"
    ]
    if not tables:
        raise InputError(
            f"{model.config.model_type} learns no position vectors, so they cannot start from sinusoids; use --positions random"
        )
    for table in tables:
        positions, width = table.weight.shape
        longest = torch.tensor(positions / (2 * torch.pi))
        rates = longest ** -torch.linspace(0, 1, -(-width // 2))
        angles = torch.arange(positions)[:, None] * rates
        with torch.no_grad():
            table.weight.copy_(torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width] * (2 / width) ** 0.5)
            if table.padding_idx is not None:
                table.weight[table.padding_idx] = 0


def with_own_tokens(encoder: Encoder, size: str, tokens: OwnTokens) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """An encoder from random weights that reads numbers, in float32, and the tokenizer of these numbers.

    It has no dropout, which only some designs declare and which slows the start of learning (`docs/tasks/recall.md`). With a width
    that is asked for, random matrices are drawn for it; see `_fit_deviation`.

    Raises:
        InputError: the encoder cannot have this width.
    """
    from models.tokenizer import of_numbers

    tokenizer, options = of_numbers(tokens.vocabulary), dict(encoder.size(size).options)
    if tokens.width is not None:
        options = of_width(encoder, options, tokens.width)
    options |= no_dropout(config_of(encoder, options, tokenizer))
    model = from_config(encoder, config_of(encoder, options, tokenizer))
    if tokens.width is not None and any(name in options for name in DEVIATIONS):
        _fit_deviation(model, tokens.width)
    return model, tokenizer


def no_dropout(config: PreTrainedConfig) -> dict[str, float]:
    """The rates of dropout that a config has, all zero."""
    return {name: 0.0 for name, value in config.to_dict().items() if "dropout" in name and isinstance(value, float)}


def of_width(encoder: Encoder, options: Mapping[str, object], width: int) -> dict[str, object]:
    """Config values with another size of hidden states: feed-forward layers keep their ratio, heads their size where possible.

    Args:
        encoder: the encoder.
        options: values of its config.
        width: size of the hidden states.

    Raises:
        InputError: the options do not say how wide the encoder is.
    """
    name = encoder.config_class.attribute_map.get("hidden_size", "hidden_size")
    usual = options.get(name)
    if not isinstance(usual, int):
        raise InputError(f"{encoder.name} declares no {name}, so its width cannot be changed; leave the width out")
    scaled = dict(options) | {name: width}
    if isinstance(heads := options.get("num_attention_heads"), int):
        most = max(1, heads * width // usual)
        scaled["num_attention_heads"] = next(count for count in range(most, 0, -1) if width % (2 * count) == 0)
    if isinstance(inner := options.get("intermediate_size"), int):
        scaled["intermediate_size"] = max(1, inner * width // usual)
    return scaled


def _fit_deviation(model: PreTrainedModel, width: int) -> None:
    """Scale the random matrices as if their deviation had been chosen for `width` and not for `USUAL_WIDTH`.

    The variance of a layer's outputs then stays what it was (LeCun et al., 1998, "Efficient BackProp"). Embeddings keep their scale.
    """
    import torch
    from torch import nn

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.mul_((USUAL_WIDTH / width) ** 0.5)


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Special ids under the names that all `transformers` configs use."""
    return {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }
