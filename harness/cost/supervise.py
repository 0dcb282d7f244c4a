"""Measure a point in a child process. The caller gets an answer however the child ends."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard, cast

from harness.cost import disturbance
from harness.cost.child import MeasureMachine, MeasurePoint, Request
from harness.cost.points import Limits, Point
from harness.json_file import JsonError, parse_json
from harness.machine import memory
from harness.machine.processes import PYTHON, environment, how_it_died, send
from harness.store.record import Calibration, LimitsEntry, Measured, PointFields

CHILD = (*PYTHON, "-m", "harness.cost.child")
CALIBRATION_TIMEOUT_S = 120.0
_GRACE_S = 1.0
"""Extra seconds for the answer of a child that stops at its deadline."""


def measure_in_child(
    point: Point, limits: Limits, plugins: Sequence[str] = (), command: Sequence[str] = CHILD
) -> Measured:
    """Measure a point in a new process, and wait until it answers, ends or runs out of time.

    Args:
        point: to measure.
        limits: of the point.
        plugins: Python files that register models.
        command: the child, for tests.

    Returns:
        The child's reply, or one of the same form with the reason why there is none. ``status`` is ``ok``, ``oom``,
        ``timeout``, ``unsupported`` or ``failed``; ``error`` is one sentence.
    """
    before = disturbance.read()
    request: MeasurePoint = {
        "kind": "point",
        "point": cast(PointFields, asdict(point)),
        "limits": cast(LimitsEntry, asdict(limits)),
        "deadline": time.time() + limits.timeout_s,
        "plugins": [str(Path(plugin).resolve()) for plugin in plugins],
    }
    answer = _ask(command, request, point.threads, limits.timeout_s + _GRACE_S)
    measured = answer.reply if _is_measurement(answer.reply) else answer.failure()
    if measured["status"] == "timeout" and measured["error"] is None:
        measured["error"] = f"no answer within {limits.timeout_s:g} s"
    if measured["status"] == "failed":
        measured.setdefault("log", _excerpt(answer.messages, 4000))
    after = disturbance.read()
    measured["wall_s"] = after.clock - before.clock
    measured["processor_taken_by_others"] = disturbance.taken_by_others(before, after)
    return measured


def calibrate_in_child(threads: int, command: Sequence[str] = CHILD) -> Calibration | None:
    """The machine's rates (see `calibration.calibrate`), or ``None`` if they could not be measured."""
    request: MeasureMachine = {"kind": "calibration", "threads": threads}
    reply = _ask(command, request, threads, CALIBRATION_TIMEOUT_S).reply
    return reply if _is_calibration(reply) else None


@dataclass(frozen=True)
class _Answer:
    """The outcome of a child.

    Attributes:
        reply: the JSON value that it printed; ``None`` if it printed none.
        output, messages: all its output on stdout and stderr.
        code: its exit code; ``None`` if it was ended because time was up.
        kernel_killed: whether the kernel ended a process for lack of memory meanwhile.
    """

    reply: object
    output: bytes
    messages: bytes
    code: int | None
    kernel_killed: bool

    def failure(self) -> Measured:
        """The reason why there is no measurement."""
        if self.code is None:
            return {"status": "timeout", "error": None}
        if self.code == 0:
            return {"status": "failed", "error": f"the child's answer is not a measurement: {_excerpt(self.output)}"}
        status, sentence = how_it_died(self.code, self.messages, self.kernel_killed)
        return {"status": status, "error": sentence}


def _ask(command: Sequence[str], request: Request, threads: int, timeout_s: float) -> _Answer:
    killed_before = memory.kernel_kills()
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(threads),
        start_new_session=True,
    )
    in_time = True
    try:
        output, messages = child.communicate(json.dumps(request).encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(child)
        output, messages = child.communicate()
        # An exit code of 0 means that it answered in time, and a process that it started kept the pipe open.
        in_time = child.returncode == 0
    finally:
        _end(child)
    code = child.returncode if in_time else None
    return _Answer(_json(output) if code == 0 else None, output, messages, code, memory.kernel_kills() > killed_before)


def _environment(threads: int) -> dict[str, str]:
    return environment(threads) | {
        "OMP_PROC_BIND": "true",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and all processes that it started."""
    send(child, signal.SIGKILL)
    child.wait()


def _json(output: bytes) -> object:
    try:
        return cast(object, parse_json(output))
    except JsonError:
        return None


def _is_calibration(reply: object) -> TypeGuard[Calibration]:
    return isinstance(reply, dict) and "matmul_flops_per_s" in reply


def _is_measurement(reply: object) -> TypeGuard[Measured]:
    if not isinstance(reply, dict):
        return False
    samples = reply.get("samples_ms", [])
    numbers = isinstance(samples, list) and all(isinstance(sample, (int, float)) and sample > 0 for sample in samples)
    status = reply.get("status")
    return numbers and status in ("ok", "oom", "timeout", "unsupported", "failed") and (status != "ok" or bool(samples))


def _excerpt(output: bytes, length: int = 200) -> str:
    """The end of some output, on one line if it is short."""
    text = output.decode("utf-8", "replace").strip()[-length:]
    return text if length > 200 else " ".join(text.split()) or "(nothing)"
