"""Avey-B (Acharya and Hammoud, ICLR 2026, arXiv 2602.15814): an encoder without attention."""

from models.avey_b.configuration import AveyBConfig
from models.avey_b.heads import AveyBForMaskedLM
from models.avey_b.modeling import AveyBModel

__all__ = ["AveyBConfig", "AveyBForMaskedLM", "AveyBModel"]
