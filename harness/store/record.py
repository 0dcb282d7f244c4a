"""The records of the store: their types, and the functions that build them. Records are made nowhere else.

Every record is one JSON object in ``run.json``. ``kind`` tells them apart; a finished run has none.

| kind       | type             | what it is                                                        |
| ---------- | ---------------- | ----------------------------------------------------------------- |
| (none)     | `RunRecord`      | a finished run: scores of one cell                                |
| `failure`  | `FailureRecord`  | a cell that ended without a score                                 |
| `bench`    | `PointRecord`    | what one encoder costs at one length, measured or not             |
| `pretraining` | `PretrainingRecord` | a pretrained encoder: loss curves and cost                     |
| `imported` | `ImportedRecord` | scores that another tool measured; never compared with our runs   |

All times are in seconds unless the key says ``ms``; all memory is in MiB; all scores are fractions between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, TypeGuard

SCHEMA_VERSION = 1

SplitName = Literal["train", "dev", "test"]

Scores = dict[str, dict[str, float]]
"""Split -> metric -> value. ``dev`` is empty where a retrieval benchmark judges test queries only."""


class PretrainingOrigin(TypedDict):
    """The pretraining that a run's weights come from, where this harness made them."""

    key: str
    """Of its record."""
    group: str
    """Digest of everything that decides the weights but the seed: pretrainings that differ in their seed share it."""
    seed: int
    tokens: int
    flops: float
    seconds: float
    """Of training."""
    corpus: str
    longest_row: int
    """Tokens of the longest text that was read at once."""


class ModelEntry(TypedDict):
    """The model of a run."""

    name: str
    size: str
    """``custom`` where a checkpoint's config decides."""
    weights: str
    """As typed: ``scratch``, ``hub``, a folder or a hub id."""
    identity: str
    """Digest of weights and tokenizer, or hub id with commit."""
    revision: NotRequired[str | None]
    """Commit of a hub id."""
    pretraining: NotRequired[PretrainingOrigin]
    params_total: NotRequired[int]
    params_non_embedding: NotRequired[int]


class ExampleCounts(TypedDict):
    """How many examples a run used, as its kind of run counts them."""

    n_train: int
    n_windowed: NotRequired[int]
    """Test examples that were read in several windows."""
    n_truncated: NotRequired[int]
    """Test examples of which a part reaches no window."""
    n_documents: NotRequired[int]
    n_documents_truncated: NotRequired[int]
    n_train_pairs: NotRequired[int]


class TaskEntry(ExampleCounts):
    """The dataset of a run and what was found in it."""

    name: str
    """The family, such as ``ner``."""
    dataset: str
    """``family/dataset``."""
    options: dict[str, str]
    origin: str
    """A folder, a hub id with revision, or ``embedded``."""
    fingerprint: str
    """sha256 over the examples. Scores are comparable only between equal fingerprints."""
    sources: dict[str, str]
    """Versions of the packages that an embedded dataset was built from."""
    notes: list[str]
    """What was corrected or left out on reading, one sentence each."""
    metric: str
    """The main metric."""
    n_dev: int
    n_test: int
    n_skipped: int
    """Malformed examples that were left out."""
    overlap: dict[str, float]
    """Share of dev and of test that train holds too, after normalisation."""
    constant_guess: NotRequired[float]
    """Test score by the main metric of a model that gives every example the same answer."""


class _OptimiserEntry(TypedDict):
    """What the recipes of fine-tuning and of pretraining have in common."""

    learning_rate: float
    weight_decay: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    max_grad_norm: float
    precision: str


class RecipeEntry(_OptimiserEntry):
    """The recipe, every value resolved (see `harness.cells.recipe.Recipe`), and what came of it."""

    epochs: float
    max_steps: int | None
    batch_size: int
    max_length: int
    warmup_ratio: float
    train_limit: int | None
    protocol: NotRequired[int]
    """Version of the pipeline; runs of the first version do not have it."""
    effective_batch_size: NotRequired[int]
    steps: NotRequired[int]
    resumed_from_step: NotRequired[int]
    """0 unless an earlier attempt was interrupted."""


class Environment(TypedDict, total=False):
    """Where a number was measured."""

    python: str
    packages: dict[str, str]
    git_revision: str | None
    """Commit of the harness, with ``+changes`` where files differ from it."""
    cpu: str
    cpu_count: int | None
    gpu: str | None
    threads: int
    platform: str
    processes: int
    """Processes that trained together."""
    node: str
    """Of a cluster."""


class RunRecord(TypedDict):
    """A finished run."""

    schema_version: int
    key: str
    kind: NotRequired[Literal["run"]]
    status: Literal["ok"]
    error: None
    model: ModelEntry
    task: TaskEntry
    recipe: RecipeEntry
    seed: int
    tuned: dict[str, float]
    """What was decided on dev and applied to test, such as a threshold."""
    scores: Scores
    losses: list[tuple[int, float]]
    """Pairs of step and mean training loss."""
    seconds: dict[str, float]
    """``load``, ``encode``, ``fit``, ``predict``, ``score``."""
    peak_memory_mib: float
    environment: Environment
    command: NotRequired[str]
    """What repeats the run on any machine."""
    predictions: str
    """File beside the record: one JSON line for each example of dev and test."""


class FailedTask(TypedDict):
    """The dataset of a cell that did not finish."""

    name: str
    dataset: str
    options: dict[str, str]


FailureStatus = Literal["failed", "oom", "diverged"]


class FailureRecord(TypedDict):
    """A cell that ended without a score. It never replaces a finished run."""

    schema_version: int
    key: str
    kind: Literal["failure"]
    status: FailureStatus
    error: str
    model: ModelEntry
    task: FailedTask
    recipe: RecipeEntry
    seed: int
    environment: Environment
    command: str


class Quantiles(TypedDict):
    """The middle of repeated measurements and their spread."""

    median: float
    p10: float
    p90: float


QUANTILES: tuple[Literal["median", "p10", "p90"], ...] = ("median", "p10", "p90")


class Latency(Quantiles):
    """Milliseconds of one batch."""

    samples: list[float]


class Operations(TypedDict):
    """Floating-point operations of one batch; a multiply-add counts as two (see `models.flops.Flops`)."""

    needed: int
    executed: int


class PointMemory(TypedDict, total=False):
    """Memory of a point, in MiB."""

    peak_above_loaded_mib: float | None
    """The most that the call added to the loaded model."""
    loaded_mib: float | None
    high_water_mark_reset: bool
    peak_reserved_above_loaded_mib: float
    """On a GPU only."""


class Calibration(TypedDict):
    """Rates of the machine, measured right before the points."""

    matmul_flops_per_s: dict[str, float]
    """By precision."""
    memory_bytes_per_s: float
    n: dict[str, int]
    """Repetitions behind each rate."""


class BuiltModel(TypedDict, total=False):
    """How large a model is once it is built."""

    params_total: int
    params_non_embedding: int
    weights_mib: float


class PointModel(BuiltModel):
    """The model of a point."""

    name: str
    size: str
    weights: str
    max_length: int | None


class PointFields(TypedDict):
    """The fields of `harness.cost.points.Point`."""

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


class PointEntry(PointFields):
    """How a point was measured."""

    tokens: int
    """Of one batch."""
    ids: str
    """How token ids were drawn."""
    objective: str | None
    attention_used: str | None


class LimitsEntry(TypedDict):
    """When a point ends (see `harness.cost.points.Limits`)."""

    timeout_s: float
    memory_mib: int
    min_repetitions: int
    min_seconds: float


PointStatus = Literal["ok", "oom", "timeout", "beyond_max_length", "failed", "skipped"]


class Measured(TypedDict):
    """What the process that measured a point answers; the keys that it could not fill are missing."""

    status: PointStatus
    error: str | None
    log: NotRequired[str]
    samples_ms: NotRequired[list[float]]
    warm_up_ms: NotRequired[list[float]]
    model: NotRequired[BuiltModel]
    attention: NotRequired[str | None]
    flops: NotRequired[Operations | None]
    memory: NotRequired[PointMemory]
    joules_per_call: NotRequired[dict[str, float]]
    environment: NotRequired[Environment]
    load_s: NotRequired[float]
    wall_s: NotRequired[float]
    processor_taken_by_others: NotRequired[float | None]


class _Point(TypedDict):
    """What the records of all points have in common."""

    schema_version: int
    key: str
    kind: Literal["bench"]
    error: str | None
    log: str | None
    """The last messages of the process that failed."""
    model: PointModel
    point: PointEntry
    unfinished_samples_ms: list[float]
    warm_up_ms: list[float]
    memory: PointMemory | None
    flops: Operations | None
    fraction_of_peak: float | None
    """Needed operations per second over the calibrated rate of the point's precision."""
    joules_per_call: dict[str, float]
    """By counter; empty where none can be read."""
    calibration: Calibration | None
    limits: LimitsEntry
    seconds: dict[str, float]
    """``wall``, ``load``, ``measured``, ``overhead``."""
    processor_taken_by_others: float | None
    """Share of the machine that other processes used meanwhile, 0 to 1."""
    environment: Environment


class MeasuredPoint(_Point):
    """What one encoder costs at one length."""

    status: Literal["ok"]
    latency_ms: Latency
    tokens_per_s: Quantiles


class UnmeasuredPoint(_Point):
    """A point that could not be measured, and why."""

    status: Literal["oom", "timeout", "beyond_max_length", "failed", "skipped"]
    latency_ms: None
    tokens_per_s: None


PointRecord = MeasuredPoint | UnmeasuredPoint


class ImportedModel(TypedDict):
    """The model of an imported score, as its source names it."""

    name: str
    size: str
    weights: str
    revision: str | None


class ImportedTask(TypedDict):
    """The dataset of an imported score."""

    name: str
    """The source's kind of task, such as ``Retrieval``."""
    dataset: str
    subset: str | None
    languages: list[str]
    metric: str
    revision: str | None


class ImportedSource(TypedDict):
    """The file that an imported score was read from."""

    file: str
    sha256: str
    version: str | None
    """Of the tool that wrote it."""
    notes: list[str]


class ImportedRecord(TypedDict):
    """Scores that another tool measured by its own protocol."""

    schema_version: int
    kind: Literal["imported"]
    key: str
    status: Literal["ok"]
    error: None
    protocol: str
    model: ImportedModel
    task: ImportedTask
    scores: Scores
    recipe: dict[str, str]
    """What the source's path tells about training."""
    source: ImportedSource


HeldOutScores = dict[str, float]
"""``loss`` (nats per masked token), ``accuracy`` and ``bits_per_byte``, on held-out text with fixed masks."""

CurvePoint = dict[str, float]
"""Held-out scores during pretraining, with ``tokens``, ``step``, ``seconds`` of training and ``flops`` until then."""


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


class PretrainingRecipe(_OptimiserEntry):
    """The recipe of pretraining (see `harness.pretraining.recipe.PretrainRecipe`), and what came of it."""

    optimizer: str
    batch_tokens: int
    rows: tuple[int, int]
    mask_rate: tuple[float, float]
    corruption: tuple[int, int, int]
    warmup: float
    last_part: float
    passes: float
    protocol: int
    tokens: int
    """Read until this result."""
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
    """How fast training was."""

    tokens_per_s: float | None
    mfu: float | None
    """Needed operations per second over the machine's matrix products per second."""
    matmul_flops_per_s: float


class PretrainingRecord(TypedDict):
    """A pretrained encoder, or a branch of one."""

    schema_version: int
    kind: Literal["pretraining"]
    key: str
    identity: dict[str, object]
    """Everything that decides the weights."""
    status: Literal["ok"]
    error: None
    model: PretrainedModel
    task: CorpusEntry
    recipe: PretrainingRecipe
    seed: int
    scores: PretrainingScores
    baselines: dict[str, HeldOutScores]
    """Counting baselines on the same masks: ``unigram`` and ``bigram``."""
    on_plateau: bool
    """Whether the held-out loss is no better than the bigram's."""
    tokens_to_5_nats: float | None
    curve: list[CurvePoint]
    losses: list[tuple[int, float]]
    flops: float
    seconds: dict[str, float]
    throughput: Throughput
    resumed_from: list[int]
    """Steps from which interrupted training went on."""
    peak_memory_mib: float
    environment: Environment
    command: str


Record = RunRecord | FailureRecord | PointRecord | ImportedRecord | PretrainingRecord


def is_finished_run(record: Record | None) -> TypeGuard[RunRecord]:
    """Whether it is the record of a finished run."""
    return record is not None and record.get("kind", "run") == "run" and record["status"] == "ok"


def is_cell(record: Record | None) -> TypeGuard[RunRecord | FailureRecord]:
    """Whether it is the record of a cell, finished or failed."""
    return record is not None and record.get("kind", "run") in ("run", "failure")


def run_record(
    *,
    key: str,
    model: ModelEntry,
    task: TaskEntry,
    recipe: RecipeEntry,
    seed: int,
    tuned: Mapping[str, float],
    scores: Mapping[SplitName, Mapping[str, float]],
    losses: Sequence[tuple[int, float]],
    seconds: Mapping[str, float],
    peak_memory_mib: float,
    environment: Environment,
    predictions: str,
) -> RunRecord:
    """The record of a finished run; each argument is the key of the same name (see `RunRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "status": "ok",
        "error": None,
        "model": model,
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "tuned": dict(tuned),
        "scores": {split: dict(metrics) for split, metrics in scores.items()},
        "losses": list(losses),
        "seconds": dict(seconds),
        "peak_memory_mib": peak_memory_mib,
        "environment": environment,
        "predictions": predictions,
    }


def failure_record(
    *,
    key: str,
    status: FailureStatus,
    error: str,
    model: ModelEntry,
    task: FailedTask,
    recipe: RecipeEntry,
    seed: int,
    environment: Environment,
    command: str,
) -> FailureRecord:
    """The record of a cell that did not finish; each argument is the key of the same name (see `FailureRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "kind": "failure",
        "status": status,
        "error": error,
        "model": model,
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "environment": environment,
        "command": command,
    }


def point_record(
    *,
    key: str,
    model: PointModel,
    point: PointEntry,
    limits: LimitsEntry,
    measured: Measured,
    calibration: Calibration | None,
) -> PointRecord:
    """The record of a point of a bench.

    Args:
        key: of the point.
        model: what was measured.
        point: how it was measured.
        limits: when it would have ended.
        measured: the answer of the process that measured it.
        calibration: the machine's rates, where they could be measured.
    """
    samples = measured.get("samples_ms", [])
    complete = bool(samples) and measured["status"] == "ok"
    common: _Point = {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "kind": "bench",
        "error": measured.get("error"),
        "log": measured.get("log"),
        "model": model,
        "point": point,
        "unfinished_samples_ms": [] if complete else samples,
        "warm_up_ms": measured.get("warm_up_ms", []),
        "memory": measured.get("memory"),
        "flops": measured.get("flops"),
        "fraction_of_peak": _fraction_of_peak(measured, point["precision"], calibration) if complete else None,
        "joules_per_call": measured.get("joules_per_call", {}),
        "calibration": calibration,
        "limits": limits,
        "seconds": _seconds(measured),
        "processor_taken_by_others": measured.get("processor_taken_by_others"),
        "environment": measured.get("environment", {}),
    }
    if measured["status"] != "ok":
        return {**common, "status": measured["status"], "latency_ms": None, "tokens_per_s": None}
    rates = _quantiles([point["tokens"] / (sample / 1e3) for sample in samples])
    return {**common, "status": "ok", "latency_ms": {**_quantiles(samples), "samples": samples}, "tokens_per_s": rates}


def pretraining_record(
    *,
    key: str,
    identity: dict[str, object],
    model: PretrainedModel,
    task: CorpusEntry,
    recipe: PretrainingRecipe,
    seed: int,
    scores: PretrainingScores,
    baselines: dict[str, HeldOutScores],
    tokens_to_5_nats: float | None,
    curve: list[CurvePoint],
    losses: list[tuple[int, float]],
    flops: float,
    seconds: dict[str, float],
    throughput: Throughput,
    resumed_from: list[int],
    peak_memory_mib: float,
    environment: Environment,
    command: str,
) -> PretrainingRecord:
    """The record of a pretrained encoder; each argument is the key of the same name (see `PretrainingRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "pretraining",
        "key": key,
        "identity": identity,
        "status": "ok",
        "error": None,
        "model": model,
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "scores": scores,
        "baselines": baselines,
        "on_plateau": scores["heldout"]["loss"] >= baselines["bigram"]["loss"],
        "tokens_to_5_nats": tokens_to_5_nats,
        "curve": curve,
        "losses": losses,
        "flops": flops,
        "seconds": seconds,
        "throughput": throughput,
        "resumed_from": resumed_from,
        "peak_memory_mib": peak_memory_mib,
        "environment": environment,
        "command": command,
    }


def imported_record(
    *,
    key: str,
    protocol: str,
    model: ImportedModel,
    task: ImportedTask,
    scores: Mapping[str, Mapping[str, float]],
    hyperparameters: str | None,
    source: ImportedSource,
) -> ImportedRecord:
    """The record of an imported score; each argument is the key of the same name (see `ImportedRecord`)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "imported",
        "key": key,
        "status": "ok",
        "error": None,
        "protocol": protocol,
        "model": model,
        "task": task,
        "scores": {split: dict(metrics) for split, metrics in scores.items()},
        "recipe": {"hyperparameters": hyperparameters} if hyperparameters else {},
        "source": source,
    }


def _quantiles(values: Sequence[float]) -> Quantiles:
    import numpy as np

    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return {"median": float(middle), "p10": float(low), "p90": float(high)}


def _fraction_of_peak(measured: Measured, precision: str, calibration: Calibration | None) -> float | None:
    operations = measured.get("flops")
    rate = calibration["matmul_flops_per_s"].get(precision) if calibration else None
    if not operations or not rate:
        return None
    return operations["needed"] / (_quantiles(measured["samples_ms"])["median"] / 1e3) / rate


def _seconds(measured: Measured) -> dict[str, float]:
    if "wall_s" not in measured:
        return {}
    spent = (sum(measured.get("samples_ms", [])) + sum(measured.get("warm_up_ms", []))) / 1e3
    seconds = {"wall": measured["wall_s"], "measured": spent, "overhead": measured["wall_s"] - spent}
    return seconds | ({"load": measured["load_s"]} if "load_s" in measured else {})
