"""One pretraining in a process of its own: whatever ends it, this process goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from harness.machine import memory
from harness.machine.processes import environment, how_it_died
from harness.pretraining.request import PretrainRequest
from harness.scheduling.local import HARNESS, Children

_LINES_KEPT = 200


def pretrain_in_child(
    request: PretrainRequest, threads: int, tell: Callable[[str], None], more: Sequence[str] = ()
) -> str:
    """Pretrain in a child that does not outlive this process; it goes on where an earlier one was cut off.

    Args:
        request: what to train.
        threads: that the child computes with.
        tell: is called with each line that the child writes about its progress.
        more: further options of the child, which do not change the weights.

    Returns:
        Why it ended without a result, in one sentence; empty if it has one.
    """
    children, killed_before = Children(), memory.kernel_kills()
    child = subprocess.Popen(
        [*HARNESS, "pretrain", *request.arguments(), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(threads),
        start_new_session=True,
    )
    children.add(child)
    lines: list[str] = []
    try:
        if child.stderr is None:
            raise AssertionError("the child was started with a pipe")
        with child.stderr as messages:
            for raw in messages:
                lines = [*lines[1 - _LINES_KEPT :], raw.decode("utf-8", "replace").rstrip()]
                tell(lines[-1])
        child.wait()
    finally:
        children.end()
        child.wait()
    return _sentence(child.returncode, lines, memory.kernel_kills() > killed_before)


def _sentence(code: int, lines: list[str], kernel_killed: bool) -> str:
    if code == 0:
        return ""
    said = [line.removeprefix("harness: ") for line in lines if line.startswith("harness: ")]
    if code in (1, 2) and said:
        return said[-1]
    return how_it_died(code, "\n".join(lines).encode(), kernel_killed)[1]
