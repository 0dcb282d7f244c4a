"""The device that models run on."""

from __future__ import annotations

import torch


def device() -> torch.device:
    """The GPU of this process if it has one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
