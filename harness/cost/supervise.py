"""A child process watched from outside: whatever becomes of it, an answer comes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.cost import disturbance
from harness.cost.points import Limits, Point
from harness.json_file import JsonError, parse_json
from harness.machine import memory
from harness.machine.processes import environment, send

CHILD = (sys.executable, "-m", "harness.cost.child")
CALIBRATION_TIMEOUT_S = 120.0
_GRACE_S = 1.0
"""What a child that ends by its deadline may take to say so."""


def measure_in_child(
    point: Point, limits: Limits, plugins: Sequence[str] = (), command: Sequence[str] = CHILD
) -> dict[str, Any]:
    """Measure a point in a fresh process, asleep until it answers, ends or has to be ended.

    Args:
        point: what to measure.
        limits: when to stop.
        plugins: Python files that register models.
        command: the child, for tests.

    Returns:
        The child's reply, or one of the same form that says what became of the child: ``status`` is ``ok``, ``oom``,
        ``timeout`` or ``failed``, ``error`` a sentence, ``wall_s`` the seconds from start to end, and
        ``processor_taken_by_others`` what other processes took of the machine meanwhile (0 to 1).
    """
    before = disturbance.read()
    request = {
        "kind": "point",
        "point": asdict(point),
        "limits": asdict(limits),
        "deadline": time.time() + limits.timeout_s,
        "plugins": [str(Path(plugin).resolve()) for plugin in plugins],
    }
    reply = _ask(command, request, point.threads, limits.timeout_s + _GRACE_S)
    if reply["status"] == "timeout" and reply["error"] is None:
        reply["error"] = f"no answer within {limits.timeout_s:g} s"
    after = disturbance.read()
    return reply | {
        "wall_s": after.clock - before.clock,
        "processor_taken_by_others": disturbance.taken_by_others(before, after),
    }


def calibrate_in_child(threads: int, command: Sequence[str] = CHILD) -> dict[str, Any] | None:
    """The machine's rates (see `calibration.calibrate`), or ``None`` where they could not be measured."""
    reply = _ask(command, {"kind": "calibration", "threads": threads}, threads, CALIBRATION_TIMEOUT_S)
    return reply if "matmul_flops_per_s" in reply else None


def _ask(command: Sequence[str], request: dict[str, Any], threads: int, timeout_s: float) -> dict[str, Any]:
    killed_before = memory.kernel_kills()
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(threads),
        start_new_session=True,
    )
    try:
        answer, messages = child.communicate(json.dumps(request).encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(child)
        answer, messages = child.communicate()
        if child.returncode != 0:  # else it answered in time, and something that it started kept the pipe open
            return {"status": "timeout", "error": None}
    finally:
        _end(child)
    if child.returncode != 0:
        return _verdict(child.returncode, messages, memory.kernel_kills() > killed_before)
    try:
        reply = parse_json(answer)
    except JsonError:
        reply = None
    if not _is_whole(request["kind"], reply):
        return {"status": "failed", "error": f"the child's answer is no measurement: {_excerpt(answer)}"}
    if reply.get("status") == "failed":
        reply["log"] = _excerpt(messages, 4000)
    return dict(reply)


def _environment(threads: int) -> dict[str, str]:
    return environment(threads) | {
        "OMP_PROC_BIND": "true",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child with everything that it started."""
    send(child, signal.SIGKILL)
    child.wait()


def _verdict(code: int, messages: bytes, kernel_killed: bool) -> dict[str, Any]:
    text = messages.decode("utf-8", "replace")
    if code == -signal.SIGKILL and kernel_killed:
        return {"status": "oom", "error": "the kernel ended the child: the machine had no memory left"}
    if memory.says_out_of_memory(text[-4000:]):
        return {"status": "oom", "error": _excerpt(messages)}
    ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return {"status": "failed", "error": f"the child {ended} before it answered", "log": _excerpt(messages, 4000)}


def _is_whole(kind: str, reply: Any) -> bool:
    if not isinstance(reply, dict):
        return False
    if kind == "calibration":
        return "matmul_flops_per_s" in reply
    samples = reply.get("samples_ms", [])
    numbers = isinstance(samples, list) and all(isinstance(sample, (int, float)) and sample > 0 for sample in samples)
    status = reply.get("status")
    return numbers and status in ("ok", "oom", "timeout", "failed") and (status != "ok" or bool(samples))


def _excerpt(output: bytes, length: int = 200) -> str:
    """The end of some output, on one line where it is short."""
    text = output.decode("utf-8", "replace").strip()[-length:]
    return text if length > 200 else " ".join(text.split()) or "(nothing)"
