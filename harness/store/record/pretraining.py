"""The record of a pretrained encoder: loss curves and cost."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, Unpack

from harness.store.record.common import SCHEMA_VERSION, Environment, OptimiserEntry

HeldOutScores = dict[str, float]
"""``loss`` (nats per masked token), ``accuracy`` and ``bits_per_byte``, on held-out text with fixed masks."""

CurvePoint = dict[str, float]
"""Held-out scores during pretraining, with ``tokens``, ``step``, ``seconds`` of training, ``processor_s`` (the same as time
of all processor threads; older records lack it) and ``flops`` until then."""


class PretrainedModel(TypedDict):
    """The encoder that was pretrained."""

    name: str
    size: str
    options: dict[str, object]
    """Values of the config that differ from the size's."""
    weights: str
    identity: str
    """Digest of the resulting weights."""
    params_total: int
    params_non_embedding: int


class TokenizerEntry(TypedDict):
    """The tokenizer of a corpus."""

    name: str
    identity: str
    vocabulary: int


class CorpusPart(TypedDict):
    """One source of text."""

    name: str
    identity: str
    licence: str
    tokens: int


class CorpusEntry(TypedDict):
    """The text that an encoder was pretrained on."""

    name: str
    dataset: str
    fingerprint: str
    """sha256 of the tokenised corpus."""
    corpora: list[CorpusPart]
    tokenizer: TokenizerEntry
    tokens: dict[str, int]
    documents: dict[str, int]
    bytes_per_token: float
    metric: str


class PretrainingRecipe(OptimiserEntry):
    """The recipe of pretraining (see `harness.pretraining.recipe.PretrainRecipe`), and what came of it."""

    optimizer: str
    batch_tokens: int
    rows: tuple[int, int]
    first_rows: NotRequired[tuple[int, int]]
    positions: NotRequired[str]
    mask_rate: tuple[float, float]
    corruption: tuple[int, int, int]
    warmup: float
    last_part: float
    passes: float
    protocol: int
    tokens: int
    """Tokens read up to this result."""
    trunk_tokens: int
    steps: int
    warmup_steps: int
    trunk_steps: int
    passes_read: float
    eval_tokens: int
    points: int


class PretrainingScores(TypedDict):
    """Held-out scores of the result."""

    heldout: HeldOutScores
    heldout_by_rows: dict[str, HeldOutScores]
    """By the length of the rows, in tokens."""


class Throughput(TypedDict):
    """The speed of training."""

    tokens_per_s: float | None
    mfu: float | None
    """Needed operations per second over the machine's matrix products per second; ``None`` if other work on the machine
    made that rate lower than the run's own."""
    matmul_flops_per_s: float


class PretrainingFields(TypedDict):
    """The part of a pretraining record that its builder is given."""

    key: str
    identity: dict[str, object]
    """Everything that decides the weights."""
    model: PretrainedModel
    task: CorpusEntry
    recipe: PretrainingRecipe
    seed: int
    scores: PretrainingScores
    baselines: dict[str, HeldOutScores]
    """Counting baselines on the same masks: ``unigram`` and ``bigram``."""
    tokens_to_5_nats: float | None
    curve: list[CurvePoint]
    losses: list[tuple[int, float]]
    flops: float
    seconds: dict[str, float]
    throughput: Throughput
    resumed_from: list[int]
    """Steps from which interrupted training continued."""
    peak_memory_mib: float
    environment: Environment
    command: str


class PretrainingRecord(PretrainingFields):
    """A pretrained encoder, or a branch of one."""

    schema_version: int
    kind: Literal["pretraining"]
    status: Literal["ok"]
    error: None
    on_plateau: bool
    """Whether the held-out loss is no better than the bigram's."""


def pretraining_record(**fields: Unpack[PretrainingFields]) -> PretrainingRecord:
    """The record of a pretrained encoder; each argument is the key of the same name (see `PretrainingFields`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "pretraining",
        "status": "ok",
        "error": None,
        "on_plateau": fields["scores"]["heldout"]["loss"] >= fields["baselines"]["bigram"]["loss"],
        **fields,
    }
