"""Text encoders: their declaration, and the registry of all declared encoders.

Importing this package does not import torch. The classes of an encoder are imported when it is built.
"""

from __future__ import annotations

from models.encoder import MODELS, Encoder, Size

__all__ = ["MODELS", "Encoder", "Size"]
