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


OWN_SIZE = "custom"
"""The size of weights whose own config decides it. Reports show their parameters in its place."""


class ConformanceEntry(TypedDict):
    """The short check of an encoder that is not in the registry (see `harness.conformance.verdict`)."""

    checks: dict[str, float | None]
    """Name -> deviation; missing where the encoder raised an exception."""
    failed: list[str]
    """One sentence for each check that failed; empty if the encoder conforms."""


class ModelEntry(TypedDict):
    """The model of a run."""

    name: str
    """The one to show: that of ``--name``, of a hub id or folder, or of the encoder."""
    architecture: NotRequired[str]
    """Name of the encoder, or model type of transformers, where it is not ``name``."""
    conformance: NotRequired[ConformanceEntry]
    """Missing for registered encoders, which ``harness check`` certifies."""
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


def architecture_of(model: Mapping[str, object]) -> str:
    """The name of a record's encoder in the registry, or its model type in transformers."""
    return str(model.get("architecture") or model["name"])


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


class TrainedOn(TypedDict):
    """The dataset of the training, where another one is the test set."""

    dataset: str
    fingerprint: str
    metric: str


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
    lowest: NotRequired[float]
    """Its lowest possible value, if that is not 0: a correlation can be -1."""
    n_dev: int
    n_test: int
    n_skipped: int
    """Malformed examples that were left out."""
    overlap: dict[str, float]
    """Share of dev and of test that train holds too, after normalisation."""
    constant_guess: NotRequired[float]
    """Test score by the main metric of a model that gives every example the same answer."""


class TestEntry(TypedDict):
    """The scores of the trained model on the test split of another dataset."""

    task: TaskEntry
    """The test set; ``n_train`` is that of the training, and ``overlap`` is with its train split."""
    scores: dict[str, float]
    """Metric -> value."""


class RecipeEntry(OptimiserEntry):
    """The recipe, every value resolved (see `harness.cells.recipe.Recipe`), and the steps that were taken."""

    epochs: float
    max_steps: int | None
    batch_size: int
    max_length: int
    warmup_ratio: float
    train_limit: int | None
    schedule: NotRequired[str]
    """Of the learning rate, if not linear."""
    keep_best: NotRequired[bool]
    """True if the weights are those of the best epoch on dev."""
    train: NotRequired[str]
    """``head`` if the encoder was frozen."""
    test_limit: NotRequired[int]
    """Of a trial: how many examples of dev and of test were scored at most."""
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
    deployment: NotRequired[str]
    """Engine and quantisation that ran it, such as ``openvino int8``; missing for torch without quantisation."""
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
    """File beside the record: one JSON line for each example of dev and test, and of the test sets, see `TEST_SET`."""
    tests: NotRequired[list[TestEntry]]
    """Other datasets that the trained model was tested on, by name; missing if there are none."""
    trained_on: NotRequired[TrainedOn]
    """Only in the records that `by_test_set` makes of a stored one."""
    trained: NotRequired[TrainedEntry]
    """Only in records of `score`."""


TEST_SET = "test_set"
"""Key of a prediction on another dataset than that of training: its name."""


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
    tests: Sequence[TestEntry] = (),
) -> RunRecord:
    """The record of a finished run; each argument is the key of the same name (see `RunRecord`)."""
    record: RunRecord = {
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
    if tests:
        record["tests"] = list(tests)
    return record


def is_trial(record: RunRecord) -> bool:
    """Whether ``--test-limit`` was given, so that the scores are not taken for those of the dataset."""
    return record["recipe"].get("test_limit") is not None


def by_test_set(record: RunRecord) -> list[RunRecord]:
    """The run as one record per dataset that it is scored on: first itself, then one for each test set.

    The record of a test set has its task and its test scores; its dev scores are those of the training dataset, because no
    choice may depend on a test set. ``trained_on`` tells it apart.
    """
    found = [record]
    for test in record.get("tests", []):
        task = record["task"]
        trained_on: TrainedOn = {
            "dataset": task["dataset"],
            "fingerprint": task["fingerprint"],
            "metric": task["metric"],
        }
        scores = {"dev": record["scores"]["dev"], "test": test["scores"]}
        scored: RunRecord = {**record, "task": test["task"], "trained_on": trained_on, "scores": scores, "tests": []}
        found.append(scored)
    return found
