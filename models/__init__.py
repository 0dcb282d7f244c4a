"""Text encoders: their declaration, and the registry of all declared encoders.

Importing this package does not import torch. The classes of an encoder are imported when it is built, or when a program
imports the Auto classes of transformers, which then know them (`models.registration`).
"""

from __future__ import annotations

from models.encoder import MODELS, Encoder, Size
from models.registration import register_with_transformers

register_with_transformers()

__all__ = ["MODELS", "Encoder", "Size"]
