"""The record of a finished run: the scores of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from harness.store.record.common import SCHEMA_VERSION, Environment, OptimiserEntry, Scores, SplitName


class PretrainingOrigin(TypedDict):
    """The pretraining that a run's weights come from, if this harness made them."""

    key: str
    """Of its record."""
    group: str
    """Digest of everything that decides the weights except the seed: pretrainings that differ only in their seed share it."""
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
    """``custom`` if a checkpoint's config decides it."""
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
    """Numbers of examples of a run; which of them exist depends on its kind."""

    n_train: int
    n_windowed: NotRequired[int]
    """Test examples that were read in several windows."""
    n_truncated: NotRequired[int]
    """Test examples with a part in no window."""
    n_documents: NotRequired[int]
    n_documents_truncated: NotRequired[int]
    n_train_pairs: NotRequired[int]
    n_pairs: NotRequired[int]
    """Pairs of a query of dev or test and a candidate that were scored."""
    n_pairs_truncated: NotRequired[int]
    """Those that were cut at the longest input."""


class TaskEntry(ExampleCounts):
    """The dataset of a run and its properties."""

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
    """Corrections and omissions when the data were read, one sentence each."""
    caveats: NotRequired[list[str]]
    """Limits of the meaning of the scores, one sentence each, as the dataset declares them."""
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


class RecipeEntry(OptimiserEntry):
    """The recipe, every value resolved (see `harness.cells.recipe.Recipe`), and the steps that were taken."""

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
    trained: NotRequired[Literal["elsewhere", "saved"]]
    """Only in records of `score`: the checkpoint was fine-tuned elsewhere, and then ``max_length``, ``precision`` and ``protocol``
    are all that is known; or it was saved by a run of this harness, whose recipe this is."""


class TrainedEntry(TypedDict):
    """Where a checkpoint that `score` only scored was fine-tuned."""

    where: Literal["elsewhere", "harness"]
    key: NotRequired[str]
    """Of the run that saved it, like the next ones, if this harness did."""
    task: NotRequired[str]
    fingerprint: NotRequired[str]
    model: NotRequired[ModelEntry]


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
    """Values that were chosen on dev and applied to test, such as a threshold."""
    scores: Scores
    losses: list[tuple[int, float]]
    """Pairs of step and mean training loss."""
    seconds: dict[str, float]
    """``load``, ``encode``, ``fit``, ``predict``, ``score``."""
    peak_memory_mib: float
    environment: Environment
    command: NotRequired[str]
    """The command that repeats the run on any machine."""
    predictions: str
    """File beside the record: one JSON line for each example of dev and test."""
    trained: NotRequired[TrainedEntry]
    """Only in records of `score`."""


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
