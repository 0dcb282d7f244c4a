"""Load checkpoints that were fine-tuned, ours or those of others: any architecture that transformers knows, with its own head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, first_line
from harness.json_file import JsonObject
from models import checkpoint
from models.encoder import MODELS, Encoder, Size
from models.loading import Weights, find_weights, load_tokenizer

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

AUTO_CLASSES: Mapping[str, str] = {
    "token": "AutoModelForTokenClassification",
    "span": "AutoModelForQuestionAnswering",
    "sequence": "AutoModelForSequenceClassification",
}
"""By the kind of head."""
_ENDINGS = {kind: name.removeprefix("AutoModel") for kind, name in AUTO_CLASSES.items()}


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned checkpoint, not loaded yet.

    Attributes:
        encoder: the registered one that it belongs to, or one made here for another architecture of transformers.
        weights: where it is.
        config: the content of its config.json.
    """

    encoder: Encoder
    weights: Weights
    config: JsonObject


def find_fine_tuned(location: str) -> FineTuned:
    """Find a fine-tuned checkpoint by its folder or hub id.

    Raises:
        InputError: there is none, it is not in safetensors format, or transformers does not know its architecture.
    """
    if location in ("scratch", "hub"):
        raise InputError(f"score takes a fine-tuned checkpoint as --weights, a folder or a hub id, not {location}")
    folder = Path(location).expanduser()
    if not folder.is_dir() and (location.count("/") != 1 or location.startswith((".", "/", "~"))):
        raise InputError(f"there is no folder {location}; --weights takes a folder or a hub id OWNER/NAME")
    config = checkpoint.read_config(folder) if folder.is_dir() else _config_of_hub(location)
    encoder = _encoder_of(config, location)
    return FineTuned(encoder, find_weights(encoder, "custom", location), config)


def refuse_other_head(found: FineTuned, head: str, family: str, named: bool = False) -> None:
    """Refuse a checkpoint without the head that a task needs, or whose head is of another kind.

    Args:
        found: the checkpoint.
        head: ``token``, ``span`` or ``sequence``.
        family: of the task, for the message.
        named: the user has named the outputs.

    Raises:
        InputError: as above, or its config.json does not name the outputs of the head.
    """
    architectures, where = found.config.get("architectures"), found.weights.location
    name = architectures[0] if isinstance(architectures, list) and architectures else None
    if not isinstance(name, str) or not name.endswith(_ENDINGS[head]):
        holds = f"holds a {name}" if isinstance(name, str) else "does not say which class it is of"
        raise InputError(
            f"{where} {holds}, and {family} needs a model with a head of its own, ...{_ENDINGS[head]}; fine-tune it with "
            "python -m harness run, or choose another --weights"
        )
    if head == "sequence" and found.config.get("problem_type") not in (None, "single_label_classification"):
        raise InputError(f"{where} is a model for {found.config['problem_type']}, and {family} has one label per text")
    if head != "span" and not named and not isinstance(found.config.get("id2label"), dict):
        raise InputError(
            f"config.json of {where} has no id2label, so nobody knows which label each output is; write id2label into it, a name "
            "for each number, or give --label LABEL_0=NAME for each"
        )


def outputs_of(model: PreTrainedModel) -> tuple[str, ...]:
    """The names of the head's outputs, in order."""
    names: Mapping[int, str] = model.config.id2label
    return tuple(str(names[index]) for index in sorted(names))


def load_with_head(found: FineTuned, head: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The whole model, in float32, and its tokenizer.

    Raises:
        InputError: it is incomplete or damaged, or has no fast tokenizer.
    """
    import torch
    import transformers

    weights = found.weights
    try:
        model, report = getattr(transformers, AUTO_CLASSES[head]).from_pretrained(
            weights.location,
            revision=weights.revision or "main",
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged file or a missing network can raise anything
        raise InputError(f"{weights.location} could not be loaded with its head: {first_line(error)}") from error
    if missing := sorted(report["missing_keys"]):
        raise InputError(
            f"{weights.location} lacks {len(missing)} tensors of {type(model).__name__}, {missing[0]} first; it was not "
            "fine-tuned as what its config.json says"
        )
    checkpoint.refuse_numberless_weights(model, weights.location)
    return model, load_tokenizer(weights)


def bare_parameters(found: FineTuned, model: PreTrainedModel) -> nn.Module:
    """The bare encoder of a model without memory for its weights, to count its parameters."""
    import torch

    with torch.device("meta"):
        return found.encoder.model_class(model.config, **found.encoder.model_options)


def _encoder_of(config: JsonObject, location: str) -> Encoder:
    model_type = config.get("model_type")
    for name in MODELS:
        if model_type in MODELS[name].model_types:
            return MODELS[name]
    return _of_transformers(str(model_type), config, location)


def _of_transformers(model_type: str, config: JsonObject, location: str) -> Encoder:
    """The declaration of an encoder that the harness does not know but transformers does."""
    import inspect

    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    if model_type not in CONFIG_MAPPING or CONFIG_MAPPING[model_type] not in MODEL_MAPPING:
        raise InputError(
            f"{location} is of the architecture {model_type!r}, which transformers does not know; register the encoder with a "
            "plug-in (docs/plugins.md)"
        )
    config_class = CONFIG_MAPPING[model_type]
    found: Any = MODEL_MAPPING[config_class]
    model_class = found[0] if isinstance(found, tuple) else found
    pooled = "add_pooling_layer" in inspect.signature(model_class.__init__).parameters
    positions = config.get("max_position_embeddings")
    return Encoder(
        name=model_type,
        config=f"{config_class.__module__}:{config_class.__name__}",
        model=f"{model_class.__module__}:{model_class.__name__}",
        model_types=(model_type,),
        sizes={"custom": Size(options={}, max_length=positions if isinstance(positions, int) else None)},
        model_options={"add_pooling_layer": False} if pooled else {},
    )


def _config_of_hub(hub_id: str) -> JsonObject:
    from huggingface_hub import hf_hub_download

    try:
        return checkpoint.read_config(Path(hf_hub_download(hub_id, "config.json")).parent)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{hub_id} could not be read from the hub ({first_line(error)}); on a machine with network run "
            f"`hf download {hub_id} --local-dir DIR`, copy DIR here and use --weights DIR"
        ) from error
