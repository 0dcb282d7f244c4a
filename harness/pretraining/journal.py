"""What a run has seen of itself: curves, seconds and operations. It is part of every checkpoint, so that a run that was cut
off has one journal, not two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "journal.json"
TARGET = 5.0
"""Nats a token: "tokens to 5 nats" tells when an encoder left the plateau at which masked LMs first stop."""


@dataclass
class Journal:
    """The journal.

    Attributes:
        curve: held-out points: ``tokens``, ``step``, ``seconds`` of training, ``processor_s`` (the same as time of all
            processor threads of the first process, in which waiting for other work does not count), ``flops``,
            ``loss`` (nats a token), ``accuracy``, ``bits_per_byte``.
        losses: (step, mean training loss since the last entry).
        seconds: ``train`` (whole steps, ``data`` within; ``processor`` is its processor time), ``evaluate``,
            ``checkpoint``, ``log``.
        flops: needed operations until now.
        resumed_from: the steps from which the run went on after it had been cut off.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("train", "processor", "data", "evaluate", "checkpoint", "log"), 0.0)
    )
    flops: float = 0.0
    resumed_from: list[int] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)
    """Training losses of the steps since the last entry."""

    def save(self, folder: Path) -> None:
        """Write the journal into a checkpoint."""
        (folder / FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Journal:
        """Read the journal of a checkpoint."""
        journal = cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        journal.losses = [(int(step), float(loss)) for step, loss in journal.losses]
        return journal


def tokens_to(curve: Sequence[dict[str, Any]], target: float = TARGET) -> float | None:
    """Tokens after which the held-out loss first was ``target`` nats, between points by a straight line; None if never."""
    before = None
    for point in curve:
        if point["loss"] <= target:
            if before is None:
                return float(point["tokens"])
            share = (before["loss"] - target) / (before["loss"] - point["loss"])
            return float(before["tokens"] + share * (point["tokens"] - before["tokens"]))
        before = point
    return None
