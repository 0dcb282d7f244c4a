"""What is kept: one folder for each run, with its record and predictions."""

from harness.store.record_file import RECORD, SCHEMA_VERSION, Record, read_record
from harness.store.store import DEFAULT_STORE, ERROR_LOG, PREDICTIONS, Store

__all__ = ["DEFAULT_STORE", "ERROR_LOG", "PREDICTIONS", "RECORD", "SCHEMA_VERSION", "Record", "Store", "read_record"]
