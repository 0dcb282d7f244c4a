"""Child processes that have to be ended: those that run, and one that starts at the same moment."""

import signal
import subprocess

from harness.scheduling.local import Children


def sleeping():
    return subprocess.Popen(["sleep", "60"], start_new_session=True)


def test_all_children_are_ended_and_one_that_starts_meanwhile_is_too():
    children, first, late = Children(), sleeping(), sleeping()
    children.add(first)
    children.end()
    assert first.wait(5) < 0
    children.add(late)
    assert late.wait(5) == -signal.SIGKILL
