"""Checks of a checkpoint's files before a model is built: Git LFS pointers, sizes, number of stored values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.json_file import JsonError, JsonObject, read_json
from models.encoder import Encoder
from models.parameters import count_parameters

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig

DECIDES = (
    *("*.safetensors", "config.json"),
    *("tokenizer*", "vocab*", "merges.txt", "*.model", "added_tokens.json", "special_tokens_map.json"),
)
"""Files that affect the outputs of a checkpoint: weights and config, and its tokenizer. ``*.model`` are those of SentencePiece."""

_ALSO_READ = ("*.json",)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGER_THAN_STORED = 2
"""A config is refused at once if it needs this many times the stored parameters. Below that, loading names the missing tensors."""


def may_be_hub_id(location: str) -> bool:
    """Whether a text that names no folder has the form of a hub id, ``OWNER/NAME[@REVISION]``, and names no file either."""
    hub_id, at, revision = location.partition("@")
    is_form = hub_id.count("/") == 1 and not hub_id.startswith((".", "/", "~")) and bool(revision) == bool(at)
    return is_form and not Path(location).is_file()


def hub_id_and_revision(location: str) -> tuple[str, str | None]:
    """Both parts of ``OWNER/NAME[@REVISION]``; the revision is ``None`` if it is not given."""
    hub_id, _, revision = location.partition("@")
    return hub_id, revision or None


def read_config(folder: Path) -> JsonObject:
    """The content of a checkpoint's config.json.

    Raises:
        InputError: the folder holds none, or it is not a JSON object.
    """
    file = folder / "config.json"
    try:
        config = read_json(file)
    except OSError:
        raise InputError(
            f"{folder} holds no config.json, so it is not a saved model; --weights takes a folder of save_pretrained"
        ) from None
    except JsonError as error:
        raise InputError(f"{file} {error}; save the model again") from error
    if not isinstance(config, dict):
        raise InputError(f"{file} is not a JSON object; save the model again")
    return config


def deciding_files(folder: Path) -> list[Path]:
    """The files that affect the outputs of a checkpoint, sorted by name."""
    return sorted({path for pattern in DECIDES for path in folder.glob(pattern) if path.is_file()})


def refuse_lfs_pointers(folder: Path) -> None:
    """Refuse Git LFS pointers, which a clone without Git LFS holds instead of the real files.

    Raises:
        InputError: a file of the checkpoint is a Git LFS pointer.
    """
    for pattern in (*DECIDES, *_ALSO_READ):
        for file in sorted(path for path in folder.glob(pattern) if path.is_file()):
            with file.open("rb") as stream:
                if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
                    raise InputError(
                        f"{file} is a Git LFS pointer, not the file itself; run `git lfs pull` in {folder}, or fetch the model "
                        "with `hf download`"
                    )


def refuse_impossible_sizes(config: PreTrainedConfig, encoder: Encoder, location: str) -> None:
    """Refuse a config with an impossible size such as -3 layers. Some model classes would build a model without layers.

    Args:
        config: the config as `transformers` read it.
        encoder: values that are positive whole numbers in its declared sizes are checked.
        location: hub id or folder of the checkpoint, for the message.

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


def refuse_more_than_is_stored(config: PreTrainedConfig, encoder: Encoder, folder: Path) -> None:
    """Refuse a config of a much larger model than the stored weights, before memory is allocated for it.

    Args:
        config: the config as `transformers` read it.
        encoder: the encoder that the checkpoint belongs to.
        folder: folder of the checkpoint.

    Raises:
        InputError: the config has more layers than there are tensors, or over twice the stored number of parameters.
    """
    import torch

    stored = _stored_parameters(folder)
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > len(stored):  # building that many modules would take minutes
        raise InputError(
            f"config.json of {folder} says {layers} layers, but its weights are {len(stored)} tensors in all; "
            "config and weights do not belong together"
        )
    with torch.device("meta"):
        model = encoder.model_class(deepcopy(config), **encoder.model_options)
    asked = count_parameters(model)["params_total"]
    if asked > _LARGER_THAN_STORED * sum(stored):
        raise InputError(
            f"config.json of {folder} makes a model of {asked:,} parameters, but only {sum(stored):,} are stored; "
            "config and weights do not belong together"
        )


def refuse_numberless_weights(model: nn.Module, location: str) -> None:
    """Refuse weights that are not numbers: they would make every score meaningless.

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
    """Whether old runs may have tokenized spaces differently with this checkpoint.

    Tokenizers that do not themselves add a space before words were given words without spaces. Those of the RoBERTa and GPT-2
    classes were given texts with a leading space.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return (folder / "merges.txt").is_file()
    try:
        steps = read_json(file)["pre_tokenizer"]
        *earlier, last = steps.get("pretokenizers", [steps])
        splits_first = all(step["type"] == "WhitespaceSplit" for step in earlier)
        return not (splits_first and _separates_words(last))
    except (JsonError, LookupError, TypeError, AttributeError):
        return False  # loading reports what is wrong with the file


def _separates_words(step: Mapping[str, object]) -> bool:
    """Whether this step of a pre-tokenizer treats a word alone in the same way as after a space."""
    if step["type"] == "ByteLevel":
        return bool(step["add_prefix_space"])
    if step["type"] == "Metaspace":
        return step.get("prepend_scheme", "always") == "always"
    return step["type"] in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit")


def _stored_parameters(folder: Path) -> list[int]:
    """The number of values in each stored tensor, read from the file headers."""
    from safetensors import safe_open

    found = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            found += [math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys()]  # noqa: SIM118
    return found
