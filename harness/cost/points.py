"""The points of a bench, from the values that a command gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from harness.errors import InputError
from models import MODELS, Encoder

PROTOCOL = 1
"""Increased when the way of measuring changes, so that old and new points are never drawn as one curve."""

DEFAULT_LENGTHS = (128, 512, 2048, 8192, 32768, 98304)
LONGEST = 2**24
SMALLEST_VOCABULARY = 8192
"""Vocabulary of a model whose size declares none."""


@dataclass(frozen=True)
class Point:
    """One measurement, resolved: everything that decides the numbers, the machine included.

    Attributes:
        model, size: names in the registry of models.
        mode: ``inference`` (forward) or ``training`` (forward, backward, optimiser step).
        length: tokens of each text.
        batching: the rule behind ``batch_size``: ``batch 8``, or ``16384 tokens`` per batch.
        batch_size: texts of a batch.
        precision: ``fp32``, or ``bf16`` for autocast over float32 weights.
        attention: the kernel of every attention model: ``sdpa``, ``eager`` or ``flash_attention_2``.
        compiled: whether `torch.compile` is used.
        threads: of the processor.
        vocabulary: the number of ids to draw from: the smallest vocabulary of the bench, so that all models get the same.
        extended: whether the length is beyond the model's own, so that positions were added to measure its cost.
        machine: processor or GPU, and version of torch.
    """

    model: str
    size: str
    mode: str
    length: int
    batching: str
    batch_size: int
    precision: str
    attention: str
    compiled: bool
    threads: int
    vocabulary: int
    extended: bool
    machine: str

    @property
    def task(self) -> str:
        """The part of the folder's name in the store after model and size."""
        return f"bench-{self.mode}-{self.length}"

    @property
    def key(self) -> str:
        """sha256 (first 16 hex digits) of everything that decides the numbers."""
        decides = asdict(self) | {"bench_protocol": PROTOCOL}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Limits:
    """Limits of a point.

    Attributes:
        timeout_s: seconds from the start of the child to its answer.
        memory_mib: private memory of the child (see `memory.limit_memory`).
        min_repetitions, min_seconds: repetitions continue until both are reached.
    """

    timeout_s: float
    memory_mib: int
    min_repetitions: int
    min_seconds: float


def parse_lengths(text: str | None) -> tuple[int, ...]:
    """``128,512,2048`` as numbers; `DEFAULT_LENGTHS` for ``None``.

    Raises:
        InputError: they are not whole numbers, not positive, not increasing, or too large.
    """
    if text is None:
        return DEFAULT_LENGTHS
    try:
        lengths = tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError:
        raise InputError(f"--lengths takes whole numbers with commas, such as 128,512,2048, not {text!r}") from None
    if min(lengths) < 1:
        raise InputError(f"a length must be at least 1 token, not {min(lengths)}; correct --lengths")
    if max(lengths) > LONGEST:
        raise InputError(f"a length of {max(lengths)} tokens is too long; --lengths takes at most {LONGEST}")
    for before, after in pairwise(lengths):
        if after <= before:
            raise InputError(f"lengths must increase, and {after} follows {before}; correct --lengths")
    return lengths


def parse_models(text: str) -> list[str]:
    """``bert,avey-b`` or ``all`` as names of registered models.

    Raises:
        InputError: a name is unknown or given twice.
    """
    if text == "all":
        return MODELS.names()
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("--models takes names with commas, or all")
    for name in names:
        MODELS[name]
        if names.count(name) > 1:
            raise InputError(f"{name} is in --models twice; name each model once")
    return names


@dataclass(frozen=True)
class Settings:
    """The settings that all points of one bench share.

    Attributes:
        batch_size: texts of every batch; 1 if neither this nor ``tokens_per_batch`` is given.
        tokens_per_batch: fill each batch with as many texts as fit into this number of tokens, instead of a fixed number.
        extend_positions: add positions to models if a length needs them.
        size, mode, precision, attention, compiled, threads, machine: see `Point`.
    """

    size: str
    precision: str
    machine: str
    threads: int
    mode: str = "inference"
    batch_size: int | None = None
    tokens_per_batch: int | None = None
    attention: str = "sdpa"
    compiled: bool = False
    extend_positions: bool = False

    @property
    def batching(self) -> str:
        """The rule behind the batch sizes, as `Point` holds it."""
        return (
            f"{self.tokens_per_batch} tokens" if self.tokens_per_batch is not None else f"batch {self.batch_size or 1}"
        )


def points_of(models: Sequence[str], lengths: Sequence[int], settings: Settings) -> list[Point]:
    """The points of a bench, model by model, each from the shortest length to the longest.

    Args:
        models, lengths: see `parse_models` and `parse_lengths`.
        settings: of all points.

    Raises:
        InputError: a model has no such size, or a batch is smaller than one text or far too large.
    """
    vocabulary = min(MODELS[name].size(settings.size).vocab_size or SMALLEST_VOCABULARY for name in models)
    return [_point(name, length, vocabulary, settings) for name in models for length in lengths]


def _point(model: str, length: int, vocabulary: int, settings: Settings) -> Point:
    limit = MODELS[model].size(settings.size).max_length
    return Point(
        model=model,
        size=settings.size,
        mode=settings.mode,
        length=length,
        batching=settings.batching,
        batch_size=_batch(length, settings.batch_size, settings.tokens_per_batch),
        precision=settings.precision,
        attention=settings.attention,
        compiled=settings.compiled,
        threads=settings.threads,
        vocabulary=vocabulary,
        extended=settings.extend_positions and limit is not None and length > limit,
        machine=settings.machine,
    )


def is_beyond(point: Point, encoder: Encoder) -> bool:
    """Whether the text is longer than the model takes, and its positions were not extended."""
    limit = encoder.size(point.size).max_length
    return limit is not None and point.length > limit and not point.extended


def _batch(length: int, batch_size: int | None, tokens_per_batch: int | None) -> int:
    if tokens_per_batch is not None:
        if tokens_per_batch < length:
            raise InputError(
                f"--tokens-per-batch {tokens_per_batch} holds no text of {length} tokens; raise it or lower --lengths"
            )
        return tokens_per_batch // length
    batch = 1 if batch_size is None else batch_size
    if batch < 1:
        raise InputError(f"--batch-size must be at least 1, not {batch}")
    if batch * length > LONGEST * 16:
        raise InputError(f"a batch of {batch} texts of {length} tokens fits no machine; lower --batch-size")
    return batch
