"""The store of results: one folder for each run, with its record and predictions."""

from harness.store.keys import Key
from harness.store.record import SCHEMA_VERSION, Record, RunRecord
from harness.store.record_file import RECORD, read_record
from harness.store.store import DEFAULT_STORE, ERROR_LOG, PREDICTIONS, PredictionRow, Store

__all__ = [
    "DEFAULT_STORE",
    "ERROR_LOG",
    "PREDICTIONS",
    "RECORD",
    "SCHEMA_VERSION",
    "Key",
    "PredictionRow",
    "Record",
    "RunRecord",
    "Store",
    "read_record",
]
