"""Load checkpoints that were fine-tuned, ours or those of others: any architecture that transformers knows, with its own head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import InputError, first_line
from harness.json_file import JsonObject
from models import checkpoint
from models.architectures import config_at, encoder_of
from models.encoder import Encoder
from models.loading import load_tokenizer
from models.weights import NAMED, Weights, find_weights

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
    if location in NAMED:
        raise InputError(f"score takes a fine-tuned checkpoint as --weights, a folder or a hub id, not {location}")
    config = config_at(location, "--weights takes a folder or a hub id OWNER/NAME[@REVISION]")
    encoder = encoder_of(config, location)
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


def load_with_head(
    found: FineTuned, head: str, half_precision: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The whole model, in float32 and with the attention kernel that is fastest on this machine, and its tokenizer.

    Args:
        found: the checkpoint.
        head: a key of `AUTO_CLASSES`.
        half_precision: see `models.loading.load`.

    Raises:
        InputError: it is incomplete or damaged, or has no fast tokenizer.
    """
    import torch
    import transformers

    from models.attention import kernels
    from models.attention.names import BEST

    weights = found.weights
    revision = weights.revision or "main"
    try:
        config = transformers.AutoConfig.from_pretrained(weights.location, revision=revision, trust_remote_code=False)
        kernels.choose(config, found.encoder.model_class, BEST, half_precision)
        model, report = getattr(transformers, AUTO_CLASSES[head]).from_pretrained(
            weights.location,
            revision=revision,
            config=config,
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
