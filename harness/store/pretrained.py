"""Which pretraining a checkpoint comes from: the record that ``pretrain`` leaves beside the weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import cast

from harness.json_file import read_json
from harness.store.record import PretrainingOrigin, PretrainingRecord

PRETRAINING_FILE = "pretraining.json"
"""The record beside the weights. A folder that has it holds a complete result."""
_NOT_IN_GROUP = ("seed", "curve", "branch_at")


def read_pretraining(folder: Path) -> PretrainingRecord | None:
    """The pretraining record in a checkpoint's folder, or ``None`` if there is none that can be read."""
    try:
        found = read_json(folder / PRETRAINING_FILE)
    except (OSError, ValueError):
        return None
    return cast(PretrainingRecord, found) if isinstance(found, dict) and found.get("kind") == "pretraining" else None


def origin_of(folder: Path) -> PretrainingOrigin | None:
    """The pretraining that the weights in a folder come from, or ``None`` if this harness did not make them."""
    record = read_pretraining(folder)
    if record is None:
        return None
    decides = {name: value for name, value in record["identity"].items() if name not in _NOT_IN_GROUP}
    decides["tokens"], decides["trunk"] = record["recipe"]["tokens"], record["recipe"]["trunk_tokens"]
    return {
        "key": record["key"],
        "group": hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16],
        "seed": record["seed"],
        "tokens": record["recipe"]["tokens"],
        "flops": record["flops"],
        "seconds": record["seconds"]["train"],
        "corpus": record["task"]["dataset"].partition("/")[2],
        "longest_row": max(record["recipe"]["rows"]),
    }
