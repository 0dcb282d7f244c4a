"""A checkpoint's files and what they say of it before a model is built: Git LFS pointers, sizes, how much is stored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.errors import InputError
from models.encoder import Encoder

DECIDES = ("*.safetensors", "config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json")
"""The files that decide what a checkpoint computes: config, weights and tokenizer."""

_ALSO_READ = ("*.json", "*.model")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGER_THAN_STORED = 2
"""By this factor a config may ask for more parameters than are stored: below it the missing tensors are named one by one."""


def deciding_files(folder: Path) -> list[Path]:
    """The files of a checkpoint that decide what it computes, by name."""
    return sorted({path for pattern in DECIDES for path in folder.glob(pattern) if path.is_file()})


def refuse_lfs_pointers(folder: Path) -> None:
    """Refuse files that a clone without Git LFS has in place of the real ones.

    Raises:
        InputError: a file of the checkpoint begins as a Git LFS pointer does.
    """
    for pattern in (*DECIDES, *_ALSO_READ):
        for file in sorted(path for path in folder.glob(pattern) if path.is_file()):
            with file.open("rb") as stream:
                if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
                    raise InputError(
                        f"{file} is a Git LFS pointer, not the file itself; run `git lfs pull` in {folder}, or fetch the model "
                        "with `hf download`"
                    )


def refuse_impossible_sizes(config: Any, encoder: Encoder, location: str) -> None:
    """Refuse a config with a size that no model has, such as -3 layers: some models are then built without any layer.

    Args:
        config: the config as `transformers` read it.
        encoder: its declared sizes tell which values are sizes.
        location: of the checkpoint, for the message.

    Raises:
        InputError: one of the sizes is not a whole number of at least 1.
    """
    options = [option for size in encoder.sizes.values() for option in size.options.items()]
    sizes = {name for name, value in options if type(value) is int and value > 0}
    for name in ("vocab_size", *sorted(sizes)):
        value = getattr(config, name, 1)
        if type(value) is not int or value < 1:
            raise InputError(
                f"config.json of {location} says {name} {value}, but it must be a whole number of at least 1; correct it"
            )


def refuse_more_than_is_stored(config: Any, model_class: Any, model_options: Mapping[str, Any], folder: Path) -> None:
    """Refuse a config that asks for a far larger model than the weights hold, before memory is taken for it.

    Args:
        config: the config as `transformers` read it.
        model_class: class of the bare model.
        model_options: keyword arguments of the model class.
        folder: of the checkpoint.

    Raises:
        InputError: there are more layers than tensors, or twice as many parameters as are stored.
    """
    import torch

    stored = _stored_parameters(folder)
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > len(stored):  # so many modules would take minutes to build
        raise InputError(
            f"config.json of {folder} says {layers} layers, but its weights are {len(stored)} tensors in all; "
            "config and weights do not belong together"
        )
    with torch.device("meta"):
        asked = sum(parameter.numel() for parameter in model_class(deepcopy(config), **model_options).parameters())
    if asked > _LARGER_THAN_STORED * sum(stored):
        raise InputError(
            f"config.json of {folder} makes a model of {asked:,} parameters, but only {sum(stored):,} are stored; "
            "config and weights do not belong together"
        )


def refuse_numberless_weights(model: Any, location: str) -> None:
    """Refuse weights that would make every score meaningless.

    Raises:
        InputError: a parameter holds NaN or an infinite value.
    """
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise InputError(
                f"{name} of {location} holds values that are NaN or infinite, so the weights are damaged or their training "
                "diverged; use other weights"
            )


def spaces_were_misread(folder: Path) -> bool:
    """Whether stored runs may have read this checkpoint's spaces otherwise than they are read now.

    Tokenizers that put no space before words by themselves got words without spaces. Those of RoBERTa's and GPT-2's classes got
    texts with a space before them.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return (folder / "merges.txt").is_file()
    try:
        steps = json.loads(file.read_text(encoding="utf-8"))["pre_tokenizer"]
        *earlier, last = steps.get("pretokenizers", [steps])
        splits_first = all(step["type"] == "WhitespaceSplit" for step in earlier)
        return not (splits_first and _separates_words(last))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False  # loading says what is wrong with the file


def _separates_words(step: Mapping[str, Any]) -> bool:
    """Whether this step of a pre-tokenizer reads a word by itself as it reads it after a space."""
    if step["type"] == "ByteLevel":
        return bool(step["add_prefix_space"])
    if step["type"] == "Metaspace":
        return step.get("prepend_scheme", "always") == "always"
    return step["type"] in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit")


def _stored_parameters(folder: Path) -> list[int]:
    """The number of values of every stored tensor, from the headers of the files."""
    from safetensors import safe_open

    found = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            found += [math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys()]  # noqa: SIM118
    return found
