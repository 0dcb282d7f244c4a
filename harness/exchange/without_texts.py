"""A store that may be published: records without paths, and of the predictions what the statistics need but no text.

Texts belong to the datasets, whose licences may forbid copies. Tables, figures, intervals and tests come out the same without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.exchange.published import published
from harness.store import PredictionRow, RunRecord, Store
from harness.store.keys import Key
from harness.store.record import TEST_SET, PretrainingRecord, is_finished_run

_KEPT = ("split", TEST_SET, "id", "terms")


def copy(records: Sequence[RunRecord | PretrainingRecord], store: Store, target: Store) -> list[Path]:
    """Copy records from one store to another, in place of older copies; returns their folders.

    Args:
        records: of ``store``.
        store: where the predictions are.
        target: is made if it is missing.

    Raises:
        InputError: predictions are missing or were changed, and nothing was copied; or the target cannot be written.
    """
    store.check_predictions(record for record in records if is_finished_run(record))
    return [target.write(Key.of(record), published(record), _kept_predictions(record, store)) for record in records]


def without_texts(rows: Iterable[PredictionRow]) -> list[PredictionRow]:
    """Rows of the test sets with their ids, their shares of the score, and all single numbers, such as the depth of a needle."""
    return [
        {name: value for name, value in row.items() if name in _KEPT or isinstance(value, int | float)}
        for row in rows
        if row.get("split") == "test"
    ]


def _kept_predictions(record: RunRecord | PretrainingRecord, store: Store) -> list[PredictionRow] | None:
    if not is_finished_run(record) or record.get("predictions") is None:
        return None
    return without_texts(store.all_predictions(record))
