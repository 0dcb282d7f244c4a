"""The child process of a bench: reads one JSON request from stdin, writes one JSON reply to stdout, and ends.

{"kind": "point", "point": {...}, "limits": {...}, "deadline": ..., "plugins": [...]}
{"kind": "calibration", "threads": 2}
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import TYPE_CHECKING, Literal, TypedDict

from harness.machine.processes import end_with_parent
from harness.own_packages import prefer_own_packages

if TYPE_CHECKING:
    from harness.store.record import Calibration, LimitsEntry, Measured, PointFields


class MeasurePoint(TypedDict):
    """A request to measure one point."""

    kind: Literal["point"]
    point: PointFields
    limits: LimitsEntry
    deadline: float
    """Seconds since the epoch at which the parent stops waiting."""
    plugins: list[str]


class MeasureMachine(TypedDict):
    """A request to measure the machine's rates."""

    kind: Literal["calibration"]
    threads: int


Request = MeasurePoint | MeasureMachine


def main() -> None:
    """Answer the request on stdin."""
    gc.disable()  # imports create a million objects, none of which is garbage; measuring enables it again
    answer_on = os.dup(1)
    os.dup2(2, 1)  # keeps the output of libraries out of the reply
    end_with_parent()
    prefer_own_packages()
    request = json.load(sys.stdin)
    threads = request["point"]["threads"] if request["kind"] == "point" else request["threads"]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    reply = answer(request)
    with os.fdopen(answer_on, "w", encoding="utf-8") as stream:
        json.dump(reply, stream)
    sys.stderr.flush()
    os._exit(0)  # a regular exit of a large process takes seconds and has no use


def answer(request: Request) -> Measured | Calibration:
    """The reply to a request: the measurement, or ``status: failed`` with the reason in one sentence."""
    from harness.engines import UnsupportedError
    from harness.errors import InputError, first_line

    try:
        if request["kind"] == "calibration":
            import torch

            from harness.machine.calibration import calibrate

            torch.set_num_threads(request["threads"])
            return calibrate()
        from harness.cost.measure import measure
        from harness.cost.points import Limits, Point
        from harness.registry import load_plugins

        load_plugins(request["plugins"])
        fields: PointFields = {**request["point"], "texts": tuple(request["point"].get("texts", ()))}
        return measure(Point(**fields), Limits(**request["limits"]), request["deadline"])
    except UnsupportedError as error:
        return {"status": "unsupported", "error": str(error)}
    except InputError as error:
        return {"status": "failed", "error": str(error)}
    except (Exception, SystemExit) as error:
        import traceback

        traceback.print_exc()
        return {"status": "failed", "error": f"{type(error).__name__}: {first_line(error, 300)}"}


if __name__ == "__main__":
    main()
