"""Find the encoder of a folder or hub id by its config.json: a registered one, or any other that `transformers` knows by itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, first_line, on_one_line
from harness.json_file import JsonObject
from harness.values import no_folder
from models import checkpoint
from models.encoder import MODELS, Encoder, Size
from models.ranker import RANKERS

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_ENCODERS_WITHOUT_MASKED_LM = ("embedding_gemma2_text", "splinter")
"""Text encoders for which transformers has no masked-LM class, by which it is known of the others that they read both ways."""


def is_location(model: str) -> bool:
    """Whether a model is named by its folder or hub id, and not by a name in the registry."""
    if model in RANKERS or model in MODELS.names():
        return False
    return "/" in model or (bool(model) and Path(model).expanduser().is_dir())


def encoder_at(location: str) -> Encoder:
    """The encoder whose weights are in a folder or at a hub id.

    Raises:
        InputError: there is no config.json, or it is not of a text encoder that runs without code of the checkpoint.
    """
    config = config_at(location, "--model takes a registered name, a folder or a hub id OWNER/NAME[@REVISION]")
    encoder = encoder_of(config, location)
    _refuse_others(encoder, config, location)
    return encoder


def config_at(location: str, takes: str) -> JsonObject:
    """The content of the config.json in a folder or at a hub id.

    Args:
        location: folder or hub id.
        takes: what the user can give in its place, as the end of the message about a missing folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    folder = Path(location).expanduser()
    if folder.is_dir():
        return checkpoint.read_config(folder)
    if not checkpoint.may_be_hub_id(location):
        raise InputError(f"{no_folder(location)}; {takes}")
    return _config_of_hub(location)


def encoder_of(config: JsonObject, location: str) -> Encoder:
    """The registered encoder of a checkpoint, or one made here for another architecture of `transformers`.

    Args:
        config: the content of its config.json.
        location: of the checkpoint, for messages.

    Raises:
        InputError: `transformers` does not know its architecture.
    """
    model_type = config.get("model_type")
    for name in MODELS:
        if model_type in MODELS[name].model_types:
            return MODELS[name]
    if not isinstance(model_type, str):
        raise InputError(
            f"config.json of {location} does not say which architecture it is of; give the encoder as --model NAME --weights {location}"
        )
    return _of_transformers(model_type, config, location)


def is_registered(encoder: Encoder) -> bool:
    """Whether an encoder is in the registry, and was not made for a single checkpoint."""
    return encoder.name in MODELS.names()


def _of_transformers(model_type: str, config: JsonObject, location: str) -> Encoder:
    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    if model_type not in CONFIG_MAPPING or CONFIG_MAPPING[model_type] not in MODEL_MAPPING:
        known = f"{location} is of the architecture {model_type!r}, which transformers does not know"
        if "auto_map" in config:
            raise InputError(
                f"{known} without code of the checkpoint (auto_map), which is never run; choose another checkpoint, or register the "
                "encoder with a plug-in (docs/plugins.md)"
            )
        raise InputError(f"{known}; register the encoder with a plug-in (docs/plugins.md)")
    config_class = CONFIG_MAPPING[model_type]
    found: Any = MODEL_MAPPING[config_class]
    model_class = found[0] if isinstance(found, tuple) else found
    pooled = "add_pooling_layer" in inspect.signature(model_class.__init__).parameters
    positions = getattr(_parsed(config_class, config, location), "max_position_embeddings", None)
    return Encoder(
        name=model_type,
        config=f"{config_class.__module__}:{config_class.__name__}",
        model=f"{model_class.__module__}:{model_class.__name__}",
        model_types=(model_type,),
        sizes={"custom": Size(options={}, max_length=positions if isinstance(positions, int) else None)},
        model_options={"add_pooling_layer": False} if pooled else {},
    )


def _parsed(config_class: type[PreTrainedConfig], config: JsonObject, location: str) -> PreTrainedConfig:
    """The config with the defaults of its class, which config.json leaves out."""
    try:
        return config_class.from_dict(dict(config))
    except Exception as error:  # a value of a wrong type can raise anything
        raise InputError(
            f"config.json of {location} cannot be used ({on_one_line(error)}); save the model again"
        ) from error


def _refuse_others(encoder: Encoder, config: JsonObject, location: str) -> None:
    """Refuse a model that is not a text encoder, with the next step.

    Raises:
        InputError: it is a decoder, an encoder-decoder, or reads something else than text.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    kind, config_class = encoder.name, encoder.config_class
    parsed = _parsed(config_class, config, location)
    both_ways = getattr(parsed, "use_bidirectional_attention", None) is True
    instead = "choose a text encoder, such as one with a masked-LM head"
    if parsed.is_encoder_decoder:
        raise InputError(f"{location} is an encoder-decoder ({kind}), and only encoders are compared; {instead}")
    if getattr(parsed, "is_decoder", False):
        raise InputError(
            f"{location} is a decoder (is_decoder in its config.json), which reads in one direction; {instead}"
        )
    if is_registered(encoder) or both_ways:
        return
    known = config_class in MODEL_FOR_MASKED_LM_MAPPING or kind in _ENCODERS_WITHOUT_MASKED_LM
    if not known and config_class in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise InputError(f"{location} is a decoder ({kind}), which reads in one direction; {instead}")
    if not known or not (hasattr(parsed, "vocab_size") and hasattr(parsed, "hidden_size")):
        raise InputError(f"{location} is of the kind {kind}, which is no encoder of texts; {instead}")


def _config_of_hub(location: str) -> JsonObject:
    from huggingface_hub import hf_hub_download

    from tasks.sources.hub.commit import commit_of

    hub_id, revision = checkpoint.hub_id_and_revision(location)
    commit = commit_of(hub_id, "model", revision)
    try:
        return checkpoint.read_config(Path(hf_hub_download(hub_id, "config.json", revision=commit)).parent)
    except InputError:
        raise
    except Exception as error:  # a missing network or page can raise anything
        raise InputError(
            f"{hub_id} could not be read from the hub ({first_line(error)}); on a machine with network run "
            f"`hf download {hub_id} --revision {commit} --local-dir DIR`, copy DIR here and give DIR in its place"
        ) from error
