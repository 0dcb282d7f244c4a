"""Build or load the model and tokenizer of an encoder: from scratch, from the hub or from a folder.

Weights are read from safetensors only. No code of a checkpoint is ever run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from harness.errors import InputError, first_line, on_one_line
from models import checkpoint
from models.encoder import Encoder
from models.scratch import config_of, from_config
from models.weights import Weights
from tasks.words import PROBE

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_AFTER_PADDING = (
    *("roberta", "roberta-linear", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"),
    *("longformer", "data2vec-text", "ibert", "xmod", "luke", "esm"),
)
"""Encoders that count positions from the one after their padding id."""


def load(
    encoder: Encoder, size: str, weights: Weights, half_precision: bool = False, attention: str = "best"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the bare model, in float32, and its tokenizer.

    A model from scratch is initialised from torch's global generator, as its config says.

    Args:
        encoder, size, weights: see `models.weights.find_weights`.
        half_precision: whether it will compute in bfloat16, as some attention kernels of GPUs need.
        attention: a name of `models.attention.names.CHOICES`; ``best`` is the fastest kernel that is exact on this machine.

    Raises:
        InputError: the checkpoint is incomplete, is not in safetensors format, belongs to another encoder or has no
            fast tokenizer, or the hub cannot be reached.
    """
    if weights.kind == "scratch":
        return _from_scratch(encoder, size, half_precision, attention)
    model = _load_model(encoder, weights, half_precision, attention)
    tokenizer = load_tokenizer(weights)
    if len(tokenizer) > model.config.vocab_size:
        raise InputError(
            f"the tokenizer of {weights.location} has {len(tokenizer)} tokens but the model only {model.config.vocab_size}; "
            "they do not belong together"
        )
    return model, tokenizer


def _from_scratch(
    encoder: Encoder, size: str, half_precision: bool, attention: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from models.tokenizer import embedded

    tokenizer = embedded()
    config = config_of(encoder, encoder.size(size).options, tokenizer)
    return from_config(encoder, config, half_precision, attention), tokenizer


def _load_model(encoder: Encoder, weights: Weights, half_precision: bool, attention: str) -> PreTrainedModel:
    """The bare model of a checkpoint, in float32.

    Raises:
        InputError: see `load`.
    """
    import torch

    from models.attention import kernels

    revision = weights.revision or "main"
    try:
        config = encoder.config_class.from_pretrained(weights.location, revision=revision)
        checkpoint.refuse_impossible_sizes(config, encoder, weights.location)
        if weights.kind == "folder":
            checkpoint.refuse_more_than_is_stored(config, encoder, Path(weights.location))
        kernels.choose(config, encoder.model_class, attention, half_precision)
        model, found = encoder.model_class.from_pretrained(
            weights.location,
            revision=revision,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # `_refuse_unfit` names them
            **encoder.model_options,
        )
    except InputError:
        raise
    except Exception as error:  # a damaged file or a missing network can raise anything
        raise _cannot_load(encoder, weights, error) from error
    _refuse_unfit(encoder, weights.location, model, found)
    return model


def max_length(model: PreTrainedModel, encoder: Encoder, size: str) -> int | None:
    """Tokens of the longest input that the model takes, including special tokens; ``None`` if there is no limit."""
    return longest_input(model.config, encoder, size)


def longest_input(config: PreTrainedConfig, encoder: Encoder, size: str) -> int | None:
    """`max_length` of the model that a config describes."""
    declared = encoder.sizes.get(size, next(iter(encoder.sizes.values()))).max_length
    if declared is None:
        return None
    positions: int = getattr(config, "max_position_embeddings", declared)
    return positions - config.pad_token_id - 1 if config.model_type in _AFTER_PADDING else positions


def load_tokenizer(weights: Weights) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a checkpoint.

    Raises:
        InputError: it has none, or it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            weights.location, revision=weights.revision or "main", trust_remote_code=False
        )
    except Exception as error:
        raise InputError(
            f"{weights.location} has no tokenizer that transformers can load ({first_line(error)}); save it beside the model"
        ) from error
    if not tokenizer.is_fast:
        raise InputError(
            f"the tokenizer of {weights.location} has no fast version, which word alignment needs; save a tokenizer.json"
        )
    # If there is no vocabulary file, transformers returns an empty tokenizer of the model's kind.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"{weights.location} holds no tokenizer; save its tokenizer.json beside the model")
    if tokenizer.pad_token is None:
        raise InputError(
            f"the tokenizer of {weights.location} has no padding token; name one as pad_token in its tokenizer_config.json"
        )
    _refuse_two_readings(tokenizer, weights)
    return tokenizer


def _refuse_two_readings(tokenizer: PreTrainedTokenizerBase, weights: Weights) -> None:
    """Refuse a tokenizer that its class, as `transformers` rebuilds it, and its tokenizer.json read differently."""
    from huggingface_hub import try_to_load_from_cache
    from tokenizers import Tokenizer

    name = "tokenizer.json"
    if weights.kind == "folder":
        file = Path(weights.location) / name
    else:
        cached = try_to_load_from_cache(weights.location, name, revision=weights.revision or "main")
        if not isinstance(cached, str):
            return
        file = Path(cached)
    if not file.is_file():
        return
    saved = Tokenizer.from_file(str(file))
    saved.no_truncation()
    saved.no_padding()
    text = " ".join(PROBE)
    if tokenizer(text, add_special_tokens=False)["input_ids"] != saved.encode(text, add_special_tokens=False).ids:
        raise InputError(
            f"the tokenizer of {weights.location} reads a text in one way by its class {type(tokenizer).__name__} and in another "
            'by its tokenizer.json; if the file is right, write "tokenizer_class": "PreTrainedTokenizerFast" into its '
            "tokenizer_config.json"
        )


class _LoadingInfo(TypedDict):
    """The report of `from_pretrained` on the tensors of a checkpoint."""

    missing_keys: Collection[str]
    mismatched_keys: Collection[tuple[str, tuple[int, ...], tuple[int, ...]]]
    """Name, stored shape and expected shape."""
    unexpected_keys: Collection[str]


def _refuse_unfit(encoder: Encoder, location: str, model: PreTrainedModel, found: _LoadingInfo) -> None:
    """Refuse a checkpoint that `transformers` loaded, but whose tensors do not match its config."""
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise InputError(
            f"{location} lacks {len(missing)} tensors of {encoder.name}, {missing[0]} first; it is not a complete checkpoint"
        )
    if found["mismatched_keys"]:
        name, stored, expected = sorted(found["mismatched_keys"])[0]
        raise InputError(
            f"{name} of {location} has the shape {tuple(stored)}, but its config.json makes it {tuple(expected)}; "
            "config and weights do not belong together"
        )
    if surplus := _surplus(model, found["unexpected_keys"]):
        raise InputError(
            f"{location} holds {len(surplus)} tensors that its config.json has no place for, {surplus[0]} first; "
            "config and weights do not belong together"
        )
    checkpoint.refuse_numberless_weights(model, location)


def _cannot_load(encoder: Encoder, weights: Weights, error: Exception) -> InputError:
    if weights.kind == "folder":
        return InputError(f"{weights.location} could not be loaded as {encoder.name}: {on_one_line(error)}")
    return InputError(
        f"{weights.location} could not be read from the hub ({first_line(error)}); on a machine with network run "
        f"`hf download {weights.location} --local-dir DIR`, copy DIR here and use --weights DIR"
    )


def _surplus(model: PreTrainedModel, unexpected: Iterable[str]) -> list[str]:
    """Unexpected tensors of the encoder's own modules, such as an extra layer. Task heads and buffers do not count."""
    # Children are included because a module without layers has no parameters.
    own = {name for name, _ in model.named_children()} | {name for name, _ in model.named_parameters(recurse=False)}
    buffers = {name for name, _ in model.named_buffers()}
    prefix = f"{model.base_model_prefix}."
    names = {full: full.removeprefix(prefix) for full in unexpected}
    return sorted(
        full
        for full, name in names.items()
        if name.partition(".")[0] in own and name not in buffers and not name.endswith("position_ids")
    )
