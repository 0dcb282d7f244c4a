"""A run that a node finished becomes a run of the store here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cells.request import Request
from harness.machine import provenance
from harness.scheduling.ray.node import plugin_there
from harness.store import Key, RunRecord, Store


def adopt(
    store: Store, record: RunRecord, predictions: Sequence[Mapping[str, object]], node: str, request: Request
) -> Path:
    """Put a run into the store; returns its folder.

    The record then names the node, the revision of the code that was sent there, and the command as it is typed here.

    Args:
        store: of all runs.
        record: as the node sent it; it is changed.
        predictions: its rows.
        node: host name.
        request: as it was given here.

    Raises:
        InputError: the store cannot be written.
    """
    environment = record["environment"]
    if environment.get("git_revision") is None:
        environment["git_revision"] = provenance.git_revision()
    environment["node"] = node
    words = shlex.split(record.get("command") or "")
    sent = {plugin_there(number, file): file for number, file in enumerate(request.plugins)}
    record["command"] = shlex.join(
        next((here for there, here in sent.items() if word.endswith(there)), word) for word in words
    )
    return store.write(Key.of(record), record, predictions)
