"""Paths in a request that may also be names or hub ids: of the model, its weights, and the candidates for reranking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.cells.request import Request
from models import MODELS
from models.ranker import RANKERS
from models.weights import NAMED
from tasks.rerank import BM25

Change = Callable[[str], str]
"""Another text for a path; the text itself if it is no path."""


def with_paths(request: Request, change: Change) -> Request:
    """The request with changed paths; registered names and words such as ``scratch`` are no paths."""
    options = dict(request.task_options)
    if "candidates" in options:
        options["candidates"] = _candidates(options["candidates"], change)
    named = request.model in RANKERS or request.model in MODELS.names()
    return replace(
        request,
        model=request.model if named else change(request.model),
        weights=_weights(request.weights, change),
        task_options=options,
    )


def _weights(weights: str, change: Change) -> str:
    return weights if weights in NAMED else change(weights)


def _candidates(candidates: str, change: Change) -> str:
    """A file, or the weights of ``MODEL@WEIGHTS``, see `harness.cells.candidates.first_stage`."""
    model, at, weights = candidates.partition("@")
    if at and model in MODELS.names():
        return f"{model}@{_weights(weights, change)}"
    return candidates if candidates == BM25 else change(candidates)
