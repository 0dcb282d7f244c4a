"""The short check of an encoder that is not in the registry: does a text have the same states alone, padded and in a batch?

It takes seconds and runs once per store, before the first run of the weights. An encoder that fails is run nevertheless, because
some published ones do (FNet mixes padding into every token), but its record and the reports say so.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import cast

from harness.conformance.certify import subject_of
from harness.conformance.check import Check, check
from harness.errors import InputError
from harness.json_file import read_json
from harness.machine.libraries import quiet_libraries
from harness.store.record import ConformanceEntry
from harness.text_file import write_whole
from models.architectures import is_registered
from models.encoder import Encoder
from models.weights import Weights

DEMANDS = ("padding invariance", "batch invariance", "determinism")
_MEANING = {
    "padding invariance": "its outputs change with padding",
    "batch invariance": "its outputs depend on the other texts of a batch",
    "determinism": "two evaluations of one text differ",
}
_PROTOCOL = 1


def verdict(encoder: Encoder, size: str, weights: Weights, store: Path) -> ConformanceEntry | None:
    """The verdict on weights, from the store's folder if they were checked before.

    Args:
        encoder, size, weights: what is checked.
        store: its folder; the verdict is kept in ``checks`` there.

    Returns:
        ``None`` for a registered encoder: ``harness check`` certifies it.

    Raises:
        InputError: the weights cannot be loaded, or the verdict cannot be written.
    """
    if is_registered(encoder):
        return None
    file = store / "checks" / f"{_identity(encoder, weights)}.json"
    try:
        return cast(ConformanceEntry, read_json(file))
    except (OSError, ValueError):
        pass
    quiet_libraries()
    entry = _entry(check(subject_of(encoder, size, weights), only=DEMANDS))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(entry, indent=1))
    except OSError as error:
        raise InputError(f"{file} could not be written ({error.strerror}); choose another folder with --out") from error
    return entry


def _entry(checks: list[Check]) -> ConformanceEntry:
    failed = [f"{_MEANING[one.name]} ({_measured(one)})" for one in checks if not one.passed]
    return {"checks": {one.name: one.measured for one in checks}, "failed": failed}


def _measured(one: Check) -> str:
    if one.measured is None:
        return one.detail
    return f"{one.name}: {one.measured:.2g}, at most {one.limit:g} is rounding"


def _identity(encoder: Encoder, weights: Weights) -> str:
    decides = [_PROTOCOL, encoder.name, weights.identity.split()[0], version("transformers")]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]
