"""The records of the store: their types, and the only functions that build them.

Every record is one JSON object in ``run.json``. ``kind`` distinguishes them; a finished run has none.

| kind          | type                | file             | content                                                     |
| ------------- | ------------------- | ---------------- | ----------------------------------------------------------- |
| (none)        | `RunRecord`         | `run.py`         | a finished run: the scores of one cell                      |
| `failure`     | `FailureRecord`     | `failure.py`     | a cell that ended without a score                           |
| `bench`       | `PointRecord`       | `bench.py`       | the cost of one encoder at one length, measured or not      |
| `pretraining` | `PretrainingRecord` | `pretraining.py` | a pretrained encoder: loss curves and cost                  |
| `imported`    | `ImportedRecord`    | `imported.py`    | scores of another tool, which are never compared with ours  |

All times are in seconds unless the key says ``ms``; all memory is in MiB; all scores are fractions between 0 and 1.
"""

from __future__ import annotations

from typing import TypeGuard

from harness.store.record.bench import (
    QUANTILES,
    BuiltModel,
    Calibration,
    Latency,
    LimitsEntry,
    Measured,
    MeasuredPoint,
    Operations,
    PointEntry,
    PointFields,
    PointMemory,
    PointModel,
    PointRecord,
    PointStatus,
    Quantiles,
    UnmeasuredPoint,
    point_record,
    series_name,
)
from harness.store.record.common import SCHEMA_VERSION, Environment, OptimiserEntry, Scores, SplitName
from harness.store.record.failure import FailedTask, FailureRecord, FailureStatus, failure_record
from harness.store.record.imported import ImportedModel, ImportedRecord, ImportedSource, ImportedTask, imported_record
from harness.store.record.pretraining import (
    CorpusEntry,
    CorpusPart,
    CurvePoint,
    HeldOutScores,
    PretrainedModel,
    PretrainingRecipe,
    PretrainingRecord,
    PretrainingScores,
    Throughput,
    TokenizerEntry,
    pretraining_record,
)
from harness.store.record.run import (
    OWN_SIZE,
    TEST_SET,
    ConformanceEntry,
    ExampleCounts,
    ModelEntry,
    PretrainingOrigin,
    RecipeEntry,
    RunRecord,
    TaskEntry,
    TestEntry,
    TrainedEntry,
    TrainedOn,
    architecture_of,
    by_test_set,
    is_trial,
    run_record,
)

Record = RunRecord | FailureRecord | PointRecord | ImportedRecord | PretrainingRecord


def is_finished_run(record: Record | None) -> TypeGuard[RunRecord]:
    """Whether it is the record of a finished run."""
    return record is not None and record.get("kind", "run") == "run" and record["status"] == "ok"


def is_cell(record: Record | None) -> TypeGuard[RunRecord | FailureRecord]:
    """Whether it is the record of a cell, finished or failed."""
    return record is not None and record.get("kind", "run") in ("run", "failure")


__all__ = [
    "OWN_SIZE",
    "QUANTILES",
    "SCHEMA_VERSION",
    "TEST_SET",
    "BuiltModel",
    "Calibration",
    "ConformanceEntry",
    "CorpusEntry",
    "CorpusPart",
    "CurvePoint",
    "Environment",
    "ExampleCounts",
    "FailedTask",
    "FailureRecord",
    "FailureStatus",
    "HeldOutScores",
    "ImportedModel",
    "ImportedRecord",
    "ImportedSource",
    "ImportedTask",
    "Latency",
    "LimitsEntry",
    "Measured",
    "MeasuredPoint",
    "ModelEntry",
    "Operations",
    "OptimiserEntry",
    "PointEntry",
    "PointFields",
    "PointMemory",
    "PointModel",
    "PointRecord",
    "PointStatus",
    "PretrainedModel",
    "PretrainingOrigin",
    "PretrainingRecipe",
    "PretrainingRecord",
    "PretrainingScores",
    "Quantiles",
    "RecipeEntry",
    "Record",
    "RunRecord",
    "Scores",
    "SplitName",
    "TaskEntry",
    "TestEntry",
    "Throughput",
    "TokenizerEntry",
    "TrainedEntry",
    "TrainedOn",
    "UnmeasuredPoint",
    "architecture_of",
    "by_test_set",
    "failure_record",
    "imported_record",
    "is_cell",
    "is_finished_run",
    "is_trial",
    "point_record",
    "pretraining_record",
    "run_record",
    "series_name",
]
