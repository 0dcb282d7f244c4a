"""Weights that come with this package: tiny encoders, pretrained on the same text for the same number of tokens."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InputError
from models.encoder import Encoder

SHIPPED = "tiny-pretrained"
"""The value of ``--weights`` that names them, for each encoder its own."""
FOLDER = Path(__file__).with_name(SHIPPED)
"""A checkpoint for each encoder, with its model card and its record of pretraining."""


def shipped_for(encoder: Encoder) -> Path:
    """The folder of the shipped checkpoint of an encoder.

    Raises:
        InputError: none is shipped for it.
    """
    folder = FOLDER / encoder.name
    if not folder.is_dir():
        names = sorted(path.name for path in FOLDER.glob("*") if path.is_dir())
        raise InputError(
            f"there are no {SHIPPED} weights of {encoder.name}, only of {', '.join(names)}; use --weights scratch, or a folder"
        )
    return folder


def is_shipped(location: str) -> bool:
    """Whether a folder is that of a shipped checkpoint."""
    return Path(location).parent == FOLDER
