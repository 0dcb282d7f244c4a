"""The models: what an encoder is to the harness, and the registry of those there are.

Importing this package imports no torch; an encoder's classes are imported when one is built.
"""

from __future__ import annotations

from models.encoder import MODELS, Encoder, Size

__all__ = ["MODELS", "Encoder", "Size"]
