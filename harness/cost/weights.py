"""Measure weights that somebody would deploy: find them, name them, and load them in the process that measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cells.names import name_of_location
from harness.cost.points import Point, Subject, random_weights
from harness.cost.texts import Texts, cut_lengths
from harness.errors import InputError, first_line
from harness.progress import counted
from harness.store.record import OWN_SIZE
from models import MODELS, Encoder
from models.architectures import encoder_at
from models.loading import load, load_tokenizer, longest_input
from models.weights import NAMED, find_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def subjects(
    models: Sequence[str],
    size: str,
    weights: str = "scratch",
    given: Sequence[str] = (),
    texts: Texts | None = None,
    names: Sequence[str] = (),
) -> list[Subject]:
    """What a bench measures.

    Args:
        models: registered encoders, measured with these weights.
        size: of these encoders.
        weights: ``scratch``, ``tiny-pretrained``, ``hub``, a folder or a hub id.
        given: folders and hub ids of models to measure, whose config.json names the encoder.
        texts: a user's own texts, whose lengths are measured.
        names: what tables call the models with weights, in their order; empty for the defaults.

    Raises:
        InputError: the weights are not usable, two models have one name, or there are not as many names as models with weights.
    """
    if len(models) > 1 and weights not in NAMED:
        raise InputError(
            f"--weights {weights} belongs to one encoder, and --models names {len(models)}; name one of them"
        )
    named = [(MODELS[model], weights) for model in models] + [(_encoder_of(location), location) for location in given]
    found = _renamed([_subject(encoder, size, location, texts) for encoder, location in named], names)
    shown = [subject.name or subject.model for subject in found]
    for name in shown:
        if shown.count(name) > 1:
            raise InputError(f"two of the models are called {name}; give each model with weights a --name")
    return found


def _renamed(found: Sequence[Subject], names: Sequence[str]) -> list[Subject]:
    """The subjects; those with weights under these names, if there are any."""
    with_weights = [subject for subject in found if subject.weights]
    if names and len(names) != len(with_weights):
        raise InputError(
            f"--name is given {len(names)} times for {counted(len(with_weights), 'model')} with weights; give it once for each of "
            "them, or leave it out"
        )
    left = iter(names)
    return [replace(one, name=next(left)) if one.weights and names else one for one in found]


def load_weights(point: Point, encoder: Encoder) -> PreTrainedModel:
    """The bare model of a point with weights, in float32, with the attention kernel of the point.

    Raises:
        InputError: the weights are not complete, or not those that the point names.
    """
    found = find_weights(encoder, _size_for(encoder, point.size), point.location)
    if found.identity != point.weights:
        raise InputError(f"the weights of {point.name} changed after the bench began; run it again")
    model, _ = load(encoder, point.size, found, point.precision == "bf16", point.kernel)
    return model


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
        size if location == "hub" else OWN_SIZE,
        config.vocab_size,
        name=encoder.name if location in NAMED else name_of_location(location),
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
    """The encoder whose model is in a folder or at a hub id.

    Raises:
        InputError: there is none, or its config cannot be read.
    """
    if location in MODELS.names():
        raise InputError(f"{location} is a registered encoder; use --models {location}, and --weights for its weights")
    return encoder_at(location)
