"""Certify a registered encoder by its name and weights."""

from __future__ import annotations

from harness.cells.plan import resolve_size
from harness.conformance.check import Check, check
from harness.conformance.demands import Subject
from harness.errors import InputError, on_one_line
from harness.machine.libraries import quiet_libraries
from harness.progress import shown
from models import MODELS, loading


def check_one(model: str, weights: str, size: str | None) -> list[Check]:
    """Certify one encoder, see `harness.conformance.check`.

    Raises:
        InputError: the names or the weights are not usable.
    """
    encoder = MODELS[model]
    size = resolve_size(encoder, weights, size)
    found = loading.find_weights(encoder, size, weights)
    quiet_libraries()
    try:
        built, tokenizer = loading.load(encoder, size, found)
    except InputError:
        raise
    except Exception as error:  # from transformers or from the encoder's own code
        raise InputError(f"{model} {size} cannot be built: {type(error).__name__}: {on_one_line(error)}") from error
    subject = Subject(
        built,
        built.config.vocab_size,
        tokenizer.pad_token_id,
        tokenizer.all_special_ids,
        loading.max_length(built, encoder, size),
        model_options=encoder.model_options,
        tokenizer=tokenizer,
    )
    with shown() as report:
        return check(subject, report("check"))
