"""The first stage of reranking, as the option ``candidates`` names it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from harness.cells import vectors
from harness.errors import InputError
from models import MODELS, Encoder
from models.checkpoint import may_be_hub_id
from models.ranker import BM25
from models.weights import Weights, find_weights
from tasks.rerank import BM25 as BY_WORDS


@dataclass(frozen=True)
class FirstStage:
    """The system that finds the candidates; BM25 if there is neither a file nor an encoder.

    Attributes:
        identity: of everything that decides its rankings.
        file: a TREC run file.
        bi_encoder: an encoder with its weights.
    """

    identity: str
    file: Path | None = None
    bi_encoder: tuple[Encoder, Weights] | None = None

    @property
    def option(self) -> str:
        """The value of the option without a path, for keys and comparisons: equal candidates elsewhere are the same cell."""
        if not self.file and not self.bi_encoder:
            return BY_WORDS
        kind = self.bi_encoder[0].name if self.bi_encoder else "file"
        return f"{kind} {hashlib.sha256(self.identity.encode()).hexdigest()[:16]}"


def first_stage(candidates: str) -> FirstStage:
    """The first stage that the value of the option names.

    Raises:
        InputError: there is no such file, model or weights.
    """
    if candidates == BY_WORDS:
        return FirstStage(BM25.identity)
    file = Path(candidates).expanduser()
    if file.is_file():
        try:
            with file.open("rb") as stream:
                return FirstStage(hashlib.file_digest(stream, "sha256").hexdigest(), file)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}); check its permissions") from error
    model, at, name = candidates.partition("@")
    if not at or model not in MODELS:
        raise InputError(
            f"the candidates {candidates!r} are neither bm25, nor a file, nor MODEL@WEIGHTS of a bi-encoder such as "
            "bert@checkpoints/minilm"
        )
    if name == "scratch":
        raise InputError(f"{candidates} has random weights, which find nothing; give the weights of a bi-encoder")
    encoder = MODELS[model]
    weights = find_weights(encoder, "base", name)
    return FirstStage(vectors.identified(weights, "embedding", {}).identity, None, (encoder, weights))


def repeatable(candidates: str) -> str:
    """The value of the option, with the commit of weights of the hub, see `models.weights.Weights.repeatable`."""
    model, _, typed = candidates.partition("@")
    if Path(candidates).expanduser().is_file() or not may_be_hub_id(typed):
        return candidates
    found = first_stage(candidates)
    return f"{model}@{found.bi_encoder[1].repeatable(typed)}" if found.bi_encoder else candidates


def with_candidates(weights: Weights, found: FirstStage) -> Weights:
    """The weights with an identity that includes that of the first stage."""
    return replace(weights, identity=f"{weights.identity} reranks {found.identity}")
