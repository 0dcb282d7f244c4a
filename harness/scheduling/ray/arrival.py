"""A run that a node finished becomes a run of the store here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from harness.cells.request import Request
from harness.errors import InputError
from harness.machine import provenance
from harness.scheduling.ray.node import Reply, plugin_there
from harness.scheduling.ray.scratch import scratch_folder
from harness.store import PREDICTIONS, RECORD, Store, read_record
from harness.store.record import is_finished_run


def adopt(store: Store, reply: Reply, request: Request) -> Path:
    """Put a run that a node finished into the store, whole or not at all; returns its folder.

    The record says the node, the revision of the code that was sent there, and the command as it would be typed here.

    Raises:
        InputError: what arrived is not what the node wrote, or the store cannot be written.
    """
    with scratch_folder() as scratch:
        folder = scratch / "run"
        folder.mkdir()
        for name in (RECORD, PREDICTIONS):
            if name in reply.files:
                (folder / name).write_bytes(reply.files[name])
        record = read_record(folder / RECORD)
        if not is_finished_run(record):
            raise InputError(f"the record that node {reply.node} sent is damaged; run the sweep again")
        arrived = Store(scratch)
        folder.rename(arrived.folder_of(record))
        predictions = arrived.predictions(record) if PREDICTIONS in reply.files else None
    environment = record["environment"]
    if environment.get("git_revision") is None:
        environment["git_revision"] = provenance.git_revision()
    environment["node"] = reply.node
    words = shlex.split(record.get("command") or "")
    sent = {plugin_there(number, file): file for number, file in enumerate(request.plugins)}
    record["command"] = shlex.join(
        next((here for there, here in sent.items() if word.endswith(there)), word) for word in words
    )
    model = record["model"]
    cell = _Key(model["name"], model["size"], record["task"]["dataset"], record["key"])
    return store.write(cell, record, predictions)


@dataclass(frozen=True)
class _Key:
    """Under what a record is kept."""

    model: str
    size: str
    task: str
    key: str
