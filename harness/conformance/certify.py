"""Certify an encoder by its name and weights, or by its folder or hub id."""

from __future__ import annotations

from harness.cells.models import find_model
from harness.conformance.check import Check, check
from harness.conformance.demands import Subject
from harness.errors import InputError, on_one_line
from harness.machine.libraries import quiet_libraries
from harness.progress import shown
from models import loading
from models.encoder import Encoder
from models.weights import Weights


def check_one(model: str, weights: str, size: str | None) -> list[Check]:
    """Certify one encoder, see `harness.conformance.check`.

    Raises:
        InputError: the names or the weights are not usable.
    """
    encoder, size, found = find_model(model, weights, size)
    quiet_libraries()
    subject = subject_of(encoder, size, found)
    with shown() as report:
        return check(subject, report("check"))


def subject_of(encoder: Encoder, size: str, weights: Weights) -> Subject:
    """The encoder with these weights, to check it.

    Raises:
        InputError: it cannot be built.
    """
    try:
        built, tokenizer = loading.load(encoder, size, weights)
    except InputError:
        raise
    except Exception as error:  # from transformers or from the encoder's own code
        raise InputError(
            f"{encoder.name} {size} cannot be built: {type(error).__name__}: {on_one_line(error)}"
        ) from error
    return Subject(
        built,
        built.config.vocab_size,
        tokenizer.pad_token_id,
        tokenizer.all_special_ids,
        loading.max_length(built, encoder, size),
        model_options=encoder.model_options,
        tokenizer=tokenizer,
    )
