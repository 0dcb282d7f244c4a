"""Runs that repeat bit for bit."""

from __future__ import annotations

import torch


def make_repeatable(seed: int) -> None:
    """Seed every generator and make torch use deterministic algorithms, so that a run repeats bit for bit on one machine."""
    from transformers import set_seed

    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling new memory costs time, and nothing here reads it before it is written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
