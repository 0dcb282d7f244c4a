"""Build or load the model and tokenizer of an encoder: from scratch, from the hub or from a folder.

Weights are read from safetensors only. No code of a checkpoint is ever run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from harness.errors import InputError, first_line, on_one_line
from models import checkpoint
from models.encoder import Encoder
from tasks.task import OwnTokens
from tasks.words import PROBE

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_SPACES_MENDED = "spaces as in running text"
"""Part of the identity of weights whose tokenizer was once read differently (see `checkpoint.spaces_were_misread`), so that old
runs of these weights are other cells."""

_AFTER_PADDING = (
    *("roberta", "roberta-linear", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"),
    *("longformer", "data2vec-text", "ibert", "xmod", "luke", "esm"),
)
"""Encoders that count positions from the one after their padding id."""

USUAL_WIDTH = 768
"""The size of hidden states for which published designs choose the deviation of their random matrices."""
DEVIATIONS = ("initializer_range", "decoder_init_range")
"""Config values that give this deviation as a number. Rules such as Xavier's follow the width by themselves."""


@dataclass(frozen=True)
class Weights:
    """The source of an encoder's weights.

    Attributes:
        kind: ``scratch``, ``hub`` or ``folder``.
        location: a hub id or a folder; empty for ``scratch``.
        revision: the commit of a hub id, if one is pinned.
        identity: digest of weights and tokenizer, or hub id with commit.
    """

    kind: str
    location: str
    revision: str | None
    identity: str


def find_weights(encoder: Encoder, size: str, weights: str) -> Weights:
    """Find the weights that ``--weights`` means for this encoder, without loading them.

    Args:
        encoder: the encoder.
        size: one of its sizes; ignored if ``weights`` is a checkpoint, whose config decides.
        weights: ``scratch``, ``hub``, the path of a folder, or a hub id.

    Raises:
        InputError: the folder holds no model of this encoder, or no weights of this size are published.
    """
    if weights == "scratch":
        from models import tokenizer

        return Weights("scratch", "", None, f"scratch {tokenizer.identity()}")
    if weights == "hub":
        declared = encoder.size(size)
        if declared.hub_id is None:
            published = [name for name, other in encoder.sizes.items() if other.hub_id]
            raise InputError(
                f"no weights of {encoder.name} {size} are published"
                + (f"; use --size {' or '.join(published)}" if published else "; use --weights scratch or a path")
            )
        return _of_hub(encoder, declared.hub_id, declared.revision)
    folder = Path(weights).expanduser()
    if folder.is_dir():
        _check_folder(encoder, folder)
        return Weights("folder", str(folder), None, _digest(folder))
    if not checkpoint.may_be_hub_id(weights):
        raise InputError(f"there is no folder {weights}; --weights takes scratch, hub, a folder or a hub id OWNER/NAME")
    return _of_hub(encoder, weights, None)


def load(
    encoder: Encoder, size: str, weights: Weights, half_precision: bool = False, attention: str = "best"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the bare model, in float32, and its tokenizer.

    A model from scratch is initialised from torch's global generator, as its config says.

    Args:
        encoder, size, weights: see `find_weights`.
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


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Special ids under the names that all `transformers` configs use."""
    return {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }


def _of_hub(encoder: Encoder, hub_id: str, revision: str | None) -> Weights:
    identity = f"{hub_id}@{revision or 'main'}"
    # The tokenizer of a hub id is unknown before it is fetched. BERT and NeoBERT use WordPiece, which was never misread.
    spaces = "" if encoder.name in ("bert", "neobert") else f" {_SPACES_MENDED}"
    return Weights("hub", hub_id, revision, identity + spaces)


def _check_folder(encoder: Encoder, folder: Path) -> None:
    checkpoint.refuse_lfs_pointers(folder)
    model_type = checkpoint.read_config(folder).get("model_type")
    if model_type is not None and model_type not in encoder.model_types:
        raise InputError(f"{folder} holds a {model_type} model, not {encoder.name}; choose --model to match")
    if list(folder.glob("*.safetensors")):
        return
    pickles = (path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
    if pickle := next(pickles, None):
        raise InputError(
            f"{folder} holds no *.safetensors; {pickle} is a pickle, which can run code and is not read: "
            "convert it with save_pretrained"
        )
    raise InputError(f"{folder} holds no *.safetensors")


def _digest(folder: Path) -> str:
    """sha256 over config, weights and tokenizer of a checkpoint."""
    digest = hashlib.sha256()
    for file in checkpoint.deciding_files(folder):
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    if checkpoint.spaces_were_misread(folder):
        digest.update(_SPACES_MENDED.encode())
    return digest.hexdigest()


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
