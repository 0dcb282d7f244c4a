"""The declaration of an encoder: names, sizes and classes, without importing torch."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.registry import Registry, suggestion
from models.ablations import Ablation

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class Size:
    """One size of an encoder.

    Attributes:
        options: keyword arguments of the config class. Vocabulary size and special ids are left out: the tokenizer
            decides them.
        vocab_size: rows of the token embedding with the published (or embedded) tokenizer.
        parameters: all parameters of the encoder without a task head, with the published (or embedded) vocabulary.
        parameters_non_embedding: the same without token, position and token-type embedding tables.
        max_length: longest input in tokens, including special tokens; ``None`` if there is no limit.
        hub_id: the published checkpoint on the Hugging Face hub, if there is one.
        revision: the commit of ``hub_id`` that is used.
    """

    options: Mapping[str, object]
    vocab_size: int | None = None
    parameters: int | None = None
    parameters_non_embedding: int | None = None
    max_length: int | None = None
    hub_id: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class Encoder:
    """A text encoder that the harness can build, load and compare.

    Attributes:
        name: what a user types after ``--model``.
        config: ``"module:Class"`` of its `transformers` config.
        model: ``"module:Class"`` of its bare model. It takes ``input_ids`` and ``attention_mask`` of shape
            (batch, length) and returns ``last_hidden_state`` of shape (batch, length, width).
        model_types: values of ``model_type`` in config.json by which a checkpoint of this encoder is recognised.
        sizes: the sizes by name; ``tiny`` is the default.
        licence: licence of the published weights (SPDX identifier).
        description: one line for ``harness list``.
        paper: citation of the paper that defines the architecture.
        model_options: keyword arguments of the model class, such as ``add_pooling_layer=False``.
        ablations: ``"module:NAME"`` of its published ablations, a tuple of `models.ablations.Ablation`; empty if there are none.
    """

    name: str
    config: str
    model: str
    model_types: tuple[str, ...]
    sizes: Mapping[str, Size]
    licence: str = "unknown"
    description: str = ""
    paper: str = ""
    model_options: Mapping[str, object] = field(default_factory=dict)
    ablations: str = ""

    @property
    def config_class(self) -> type[PreTrainedConfig]:
        """The config class; this imports it, and with it torch."""
        return _imported(self.config)

    @property
    def model_class(self) -> type[PreTrainedModel]:
        """The class of the bare model; this imports it, and with it torch."""
        return _imported(self.model)

    @property
    def published_ablations(self) -> tuple[Ablation, ...]:
        """The ablations of the encoder's paper; this imports its package."""
        return _imported(self.ablations) if self.ablations else ()

    def size(self, name: str) -> Size:
        """The size called ``name``.

        Raises:
            InputError: this encoder has no such size.
        """
        if name not in self.sizes:
            raise InputError(f"{self.name} has no size {name!r}{suggestion(name, self.sizes)}")
        return self.sizes[name]


def refuse_longer(name: str, length: int, max_length: int | None) -> None:
    """Refuse inputs that are too long for an encoder, before any model sees them.

    Beyond its limit a model may raise an index error, or silently use positions that it never learned.

    Args:
        name: name of the encoder, for the message.
        length: tokens of the input, including special tokens.
        max_length: most tokens that the encoder takes; ``None`` if there is no limit.

    Raises:
        InputError: the input is longer.
    """
    if max_length is not None and length > max_length:
        raise InputError(
            f"{name} takes at most {max_length} tokens, not {length}; use --max-length {max_length} or less"
        )


def _hint(name: str, known: list[str]) -> str:
    """The end of the message about an unknown model."""
    from models.ranker import RANKERS

    if name in RANKERS:
        return f"; {name} ranks documents without an encoder, and only run, sweep and compare take it"
    if name.count("/") == 1 or Path(name).expanduser().is_dir():
        return f", and a folder or hub id cannot be named here; give one of {', '.join(known)}"
    return f"{suggestion(name, known)} (a hub id is OWNER/NAME)"


def _imported(path: str) -> Any:
    """The object at ``"module:NAME"``.

    Raises:
        InputError: it does not exist, so the declaration of the encoder is wrong.
    """
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{path}, which the encoder declares, cannot be imported: {error}") from error


DECIDED_BY_TOKENIZER = frozenset(
    {"vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"}
)
"""Config values that the options of a size must leave out."""


def fault(entry: object) -> str:
    """Why an object is not a valid encoder, as the end of "the model 'x' ..."; empty if it is valid."""
    if not isinstance(entry, Encoder):
        found = f"the class {entry.__name__}" if isinstance(entry, type) else f"of the type {type(entry).__name__}"
        return f"is {found}; register an instance of models.Encoder (docs/plugins.md)"
    for name in ("config", "model"):
        if not re.fullmatch(r"[\w.]+:\w+", str(getattr(entry, name))):
            return f"has {getattr(entry, name)!r} as its {name}, which must be a text 'module:Class'"
    if isinstance(entry.model_types, str) or not all(isinstance(one, str) for one in entry.model_types):
        return f"has the model_types {entry.model_types!r}, which must be a tuple of texts such as ('bert',)"
    if not isinstance(entry.sizes, Mapping) or not entry.sizes:
        return "has no sizes; give it a mapping such as {'tiny': Size(options={...})}"
    for name, size in entry.sizes.items():
        if not isinstance(size, Size) or not isinstance(size.options, Mapping):
            return f"has a size {name!r} that is not a models.Size with a mapping of options"
        if decided := sorted(DECIDED_BY_TOKENIZER & size.options.keys()):
            return f"has {decided[0]} in the options of its size {name!r}; leave it out, the tokenizer decides it"
    return ""


BUILT_IN = {
    "avey-b": "models.catalogue:AVEY_B",
    "bert": "models.catalogue:BERT",
    "roberta": "models.catalogue:ROBERTA",
    "modernbert": "models.catalogue:MODERNBERT",
    "neobert": "models.catalogue:NEOBERT",
}
"""The encoders that come with the package; no plug-in can take one of these names."""

MODELS: Registry[Encoder] = Registry("model", entry_points="encoder_harness.models", fault=fault, hint=_hint)
for _name, _path in BUILT_IN.items():
    MODELS.register_lazily(_name, _path)

BASELINE = "modernbert"
"""The encoder that a bench compares others with unless the user names another."""


def baseline_of(names: Sequence[str]) -> str:
    """`BASELINE` if it is among these encoders, else the first of them."""
    return BASELINE if BASELINE in names else names[0]
