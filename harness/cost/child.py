"""The child of a bench: one JSON request on stdin, one JSON reply on stdout, then the end.

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
    gc.disable()  # imports make a million objects, none of which is garbage; measuring turns it on again
    answer_on = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
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
    os._exit(0)  # taking down a large process properly costs seconds and tells nothing


def answer(request: Request) -> Measured | Calibration:
    """The reply to a request: what was measured, or ``status: failed`` with the reason in one sentence."""
    from harness.errors import InputError, first_line

    try:
        if request["kind"] == "calibration":
            import torch

            from harness.machine.calibration import calibrate

            torch.set_num_threads(request["threads"])
            return calibrate()
        from harness.cost.measure import measure
        from harness.cost.points import Limits, Point
        from harness.registry import load_plugin

        for plugin in request["plugins"]:
            load_plugin(plugin)
        return measure(Point(**request["point"]), Limits(**request["limits"]), request["deadline"])
    except InputError as error:
        return {"status": "failed", "error": str(error)}
    except (Exception, SystemExit) as error:
        import traceback

        traceback.print_exc()
        return {"status": "failed", "error": f"{type(error).__name__}: {first_line(error, 300)}"}


if __name__ == "__main__":
    main()
