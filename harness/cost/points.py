"""The points of a bench, from the values that a command gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise

from harness.engines import Choice, check
from harness.errors import InputError
from models import MODELS

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
        attention: the kernel of every attention model, or ``best`` for each model's own (see `models.attention.names`).
        compiled: whether `torch.compile` is used.
        threads: of the processor.
        vocabulary: the number of ids to draw from: the smallest vocabulary of the bench, so that all models get the same.
        extended: whether the length is beyond the model's own, so that positions were added to measure its cost.
        machine: processor or GPU, and version of torch.
        engine, quantize: see `harness.engines.Choice`; the engine of a compiled point is torch.
        name: what tables call the model; empty for the registered name.
        weights: identity of the weights that are measured; empty for random ones.
        location: folder or hub id of these weights; equal weights elsewhere are the same point.
        max_length: longest input of these weights; ``None`` if there is no limit.
        texts: the lengths of a user's own texts, longest first; then ``length`` is their mean. Empty for texts of one length.
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
    engine: str = "torch"
    quantize: str = "none"
    name: str = ""
    weights: str = ""
    location: str = ""
    max_length: int | None = None
    texts: tuple[int, ...] = ()

    @property
    def choice(self) -> Choice:
        """The engine and the quantisation."""
        return Choice("compile" if self.compiled else self.engine, self.quantize)

    @property
    def kernel(self) -> str:
        """The attention kernel to build the model with. Exporters know torch's own, not the best of a model."""
        return "sdpa" if self.attention == "best" and self.choice.exports else self.attention

    @property
    def limit(self) -> int | None:
        """Tokens of the longest input that the model takes; ``None`` if there is no limit."""
        return self.max_length if self.weights else MODELS[self.model].size(self.size).max_length

    @property
    def tokens(self) -> int:
        """Tokens of one batch without padding; with a user's own texts, of all of them."""
        return sum(self.texts) or self.length * self.batch_size

    @property
    def entry(self) -> dict[str, object]:
        """The fields as a record holds them: later fields only where they say something, and no path."""
        optional = {field.name for field in fields(self) if field.default == getattr(self, field.name)}
        return {name: value for name, value in asdict(self).items() if name not in optional | {"location"}}

    @property
    def task(self) -> str:
        """The part of the folder's name in the store after model and size."""
        return f"bench-{self.mode}-{self.length}"

    @property
    def key(self) -> str:
        """sha256 (first 16 hex digits) of everything that decides the numbers."""
        decides = self.entry | {"bench_protocol": PROTOCOL}
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
class Subject:
    """What is measured: a registered encoder with random weights, or weights of its kind.

    Attributes:
        model: name in the registry.
        size: one of its sizes, or ``custom`` for weights.
        vocabulary: ids that it knows.
        name, weights, location, max_length: see `Point`.
        texts: the lengths of a user's own texts in its tokens, longest first.
    """

    model: str
    size: str
    vocabulary: int
    name: str = ""
    weights: str = ""
    location: str = ""
    max_length: int | None = None
    texts: tuple[int, ...] = ()


def random_weights(model: str, size: str) -> Subject:
    """A registered encoder with random weights.

    Raises:
        InputError: it has no such size.
    """
    return Subject(model, size, MODELS[model].size(size).vocab_size or SMALLEST_VOCABULARY)


@dataclass(frozen=True)
class Growing:
    """Points whose batch doubles from that of the first until throughput stops growing or a batch does not fit."""

    first: Point

    def after(self, point: Point) -> Point:
        """The point with the next batch."""
        batch = point.batch_size * 2
        return replace(point, batch_size=batch, batching=_rule(batch, point.batching))


@dataclass(frozen=True)
class Settings:
    """The settings that all points of one bench share.

    Attributes:
        batch_sizes: batches to measure one after the other instead of ``batch_size``; ``None`` among them for batches that grow
            until throughput stops growing.
        choices: engines and quantisations to measure one after the other.
        texts: the name of a file of texts, if their lengths are measured.
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
    attention: str = "best"
    extend_positions: bool = False
    batch_sizes: tuple[int | None, ...] = ()
    choices: tuple[Choice, ...] = field(default=(Choice(),))
    texts: str = ""

    def batching(self, batch_size: int | None) -> str:
        """The rule behind the batch sizes, as `Point` holds it."""
        rule = f"{self.tokens_per_batch} tokens" if self.tokens_per_batch is not None else f"batch {batch_size or 1}"
        return f"{rule} of {self.texts}" if self.texts else rule


def _rule(batch_size: int, rule: str) -> str:
    """The rule of another batch size for the same texts."""
    _, of, texts = rule.partition(" of ")
    return f"batch {batch_size}{of}{texts}"


def points_of(models: Sequence[str | Subject], lengths: Sequence[int], settings: Settings) -> list[Point | Growing]:
    """The points of a bench, model by model and engine by engine, each from the shortest length to the longest.

    Args:
        models: names (see `parse_models`), or what else is measured.
        lengths: see `parse_lengths`; not used for subjects with texts of their own.
        settings: of all points.

    Raises:
        InputError: a model has no such size, or a batch is smaller than one text or far too large.
    """
    subjects = [random_weights(model, settings.size) if isinstance(model, str) else model for model in models]
    vocabulary = min(subject.vocabulary for subject in subjects)
    points: list[Point | Growing] = []
    for subject in subjects:
        of_texts = [round(sum(subject.texts) / len(subject.texts))] if subject.texts else lengths
        for choice in settings.choices:
            for length in of_texts:
                for batch in settings.batch_sizes or (settings.batch_size,):
                    point = _point(replace(subject, vocabulary=vocabulary), length, choice, batch, settings)
                    points.append(Growing(point) if batch is None and settings.batch_sizes else point)
    return points


def _point(subject: Subject, length: int, choice: Choice, batch_size: int | None, settings: Settings) -> Point:
    limit = subject.max_length if subject.weights else MODELS[subject.model].size(subject.size).max_length
    return Point(
        **{field.name: getattr(subject, field.name) for field in fields(subject)},
        mode=settings.mode,
        length=length,
        batching=settings.batching(batch_size),
        batch_size=_batch(length, batch_size, settings.tokens_per_batch),
        precision=choice.precision(settings.precision),
        attention=settings.attention,
        compiled=choice.engine == "compile",
        threads=settings.threads,
        extended=settings.extend_positions and limit is not None and length > limit and not subject.weights,
        machine=settings.machine,
        engine="torch" if choice.engine == "compile" else choice.engine,
        quantize=choice.quantize,
    )


def is_beyond(point: Point) -> bool:
    """Whether the text is longer than the model takes, and its positions were not extended."""
    return point.limit is not None and point.length > point.limit and not point.extended


def parse_batch_sizes(text: str) -> tuple[int | None, ...]:
    """``1,8,auto`` as numbers, and ``None`` for ``auto``.

    Raises:
        InputError: they are not whole numbers, or one is given twice.
    """
    parts = [part.strip() for part in text.split(",")]
    sizes = tuple(None if part == "auto" else int(part) if part.isdecimal() else 0 for part in parts)
    if 0 in sizes:
        raise InputError(
            f"--batch-sizes takes whole numbers from 1 with commas, and auto, such as 1,8,32,auto, not {text!r}"
        )
    if len(set(sizes)) < len(sizes):
        raise InputError(f"--batch-sizes names a size twice in {text!r}; name each once")
    return sizes


def parse_choices(engines: str, quantizations: str) -> tuple[Choice, ...]:
    """``torch,openvino`` and ``none,int8`` as all their pairs.

    Raises:
        InputError: an engine or quantisation is unknown, its packages are missing, or the engine has no such quantisation.
    """
    named = [[part.strip() for part in text.split(",")] for text in (engines, quantizations)]
    choices = tuple(dict.fromkeys(Choice(engine, quantize) for engine in named[0] for quantize in named[1]))
    for choice in choices:
        check(choice)
    return choices


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
