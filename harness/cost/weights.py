"""Measure weights that somebody would deploy: find them, name them, and load them in the process that measures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cost.points import Point, Subject, random_weights
from harness.cost.texts import Texts, cut_lengths
from harness.errors import InputError, first_line
from models import MODELS, Encoder
from models.encoder import encoder_of_folder
from models.loading import find_weights, load, load_tokenizer, longest_input

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

OWN = "custom"
"""The size of weights: their config decides it."""
_MEANINGLESS = re.compile(
    r"model|weights|encoder|best|final|last|output|checkpoint[-_]?\d*|\d+|[0-9a-f]{40}", re.IGNORECASE
)
"""Names of folders that say nothing about the model in them."""


def subjects(
    models: Sequence[str], size: str, weights: str = "scratch", given: Sequence[str] = (), texts: Texts | None = None
) -> list[Subject]:
    """What a bench measures.

    Args:
        models: registered encoders, measured with these weights.
        size: of these encoders.
        weights: ``scratch``, ``hub``, a folder or a hub id.
        given: folders and hub ids of models to measure, whose config.json names the encoder.
        texts: a user's own texts, whose lengths are measured.

    Raises:
        InputError: the weights are not usable, belong to no registered encoder, or two of them have one name.
    """
    named = [(MODELS[model], weights) for model in models] + [(_encoder_of(location), location) for location in given]
    if len(models) > 1 and weights not in ("scratch", "hub"):
        raise InputError(
            f"--weights {weights} belongs to one encoder, and --models names {len(models)}; name one of them"
        )
    found = [_subject(encoder, size, location, texts) for encoder, location in named]
    names = [subject.name or subject.model for subject in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two of the models are called {name}; rename the folder of one of them")
    return found


def load_weights(point: Point, encoder: Encoder) -> PreTrainedModel:
    """The bare model of a point with weights, in float32, with the attention kernel of the point.

    Raises:
        InputError: the weights are not complete, or not those that the point names.
    """
    from harness.cost.loading import has_attention

    found = find_weights(encoder, _size_for(encoder, point.size), point.location)
    if found.identity != point.weights:
        raise InputError(f"the weights of {point.name} changed after the bench began; run it again")
    model, _ = load(encoder, point.size, found)
    if has_attention(type(model)):
        model.set_attn_implementation(point.attention)
    return model


def meaningful_name(location: str) -> str:
    """What to call the model at a hub id or in a folder: the id, or the last part of the path that says something."""
    if not Path(location).expanduser().is_dir():
        return location
    parts = [part for part in Path(location).expanduser().resolve().parts if part.strip("/\\")]
    return next((part for part in reversed(parts) if not _MEANINGLESS.fullmatch(part)), parts[-1] if parts else "model")


def _subject(encoder: Encoder, size: str, location: str, texts: Texts | None) -> Subject:
    if location == "scratch":
        from models.tokenizer import embedded

        subject = random_weights(encoder.name, size)
        return _with_texts(subject, texts, embedded, encoder.size(size).max_length)
    weights = find_weights(encoder, size, location)
    try:
        config = encoder.config_class.from_pretrained(weights.location, revision=weights.revision or "main")
    except Exception as error:  # a damaged file or a missing network can raise anything
        raise InputError(f"the config of {weights.location} could not be read ({first_line(error)})") from error
    limit = longest_input(config, encoder, size)
    subject = Subject(
        encoder.name,
        size if location == "hub" else OWN,
        config.vocab_size,
        name=encoder.name if location == "hub" else meaningful_name(location),
        weights=weights.identity,
        location=location,
        max_length=limit,
    )
    return _with_texts(subject, texts, lambda: load_tokenizer(weights), limit)


def _with_texts(
    subject: Subject, texts: Texts | None, tokenizer: Callable[[], PreTrainedTokenizerBase], limit: int | None
) -> Subject:
    return replace(subject, texts=cut_lengths(texts, tokenizer(), limit)) if texts else subject


def _size_for(encoder: Encoder, size: str) -> str:
    """A size that the encoder has, where the weights decide it anyway."""
    return size if size in encoder.sizes else next(iter(encoder.sizes))


def _encoder_of(location: str) -> Encoder:
    """The registered encoder whose model is in a folder or at a hub id.

    Raises:
        InputError: there is none, or its config cannot be read.
    """
    folder = Path(location).expanduser()
    if location in MODELS.names():
        raise InputError(f"{location} is a registered encoder; use --models {location}, and --weights for its weights")
    if folder.is_dir():
        name = encoder_of_folder(folder, MODELS.names())
    elif location.count("/") == 1 and not location.startswith((".", "/", "~")):
        name = _encoder_of_hub_id(location)
    else:
        raise InputError(f"there is no folder {location}; --model takes a folder or a hub id OWNER/NAME")
    if name is None:
        raise InputError(
            f"{location} holds no model of a registered encoder ({', '.join(MODELS.names())}); register its encoder by --plugin"
        )
    return MODELS[name]


def _encoder_of_hub_id(location: str) -> str | None:
    from transformers import PreTrainedConfig

    try:
        config, _ = PreTrainedConfig.get_config_dict(location)
    except Exception as error:  # a missing network or page can raise anything
        raise InputError(
            f"{location} could not be read from the hub ({first_line(error)}); on a machine with network run "
            f"`hf download {location} --local-dir DIR`, copy DIR here and use --model DIR"
        ) from error
    kind = config.get("model_type")
    return next((name for name in MODELS.names() if kind in MODELS[name].model_types), None)
