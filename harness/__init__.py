"""A benchmark harness that compares text encoders.

The functions here do the same as the commands of ``python -m harness``, and return records and pandas DataFrames. Importing
this package imports neither torch nor pandas; the first call of a function does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.door import RunFailedError, bench, check, compare, run, score, sweep
    from harness.errors import InputError
    from harness.load import load_predictions, load_results
    from harness.store import Store

__all__ = [
    "InputError",
    "RunFailedError",
    "Store",
    "bench",
    "check",
    "compare",
    "load_predictions",
    "load_results",
    "run",
    "score",
    "sweep",
]

_ELSEWHERE = {
    "InputError": "harness.errors",
    "Store": "harness.store",
    "load_predictions": "harness.load",
    "load_results": "harness.load",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(_ELSEWHERE.get(name, "harness.door")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The module's names, including those that are not imported yet."""
    return sorted({*globals(), *__all__})
