"""The precision in which an engine computes: cells record it before `harness.engines`, a floor above them, runs it."""

from __future__ import annotations

EXPORTING = ("onnxruntime", "openvino")
"""Engines outside of torch."""


def precision_of(precision: str, engine: str, quantize: str) -> str:
    """The precision of the matrix products in an engine. With int8 it is that of all other operations.

    Args:
        precision: that was asked for. Only torch without quantisation follows it, compiled or not: it has autocast.
        engine, quantize: see `harness.engines.Choice`.
    """
    if quantize == "none" and engine not in EXPORTING:
        return precision
    return "bf16" if quantize == "bf16" else "fp32"
