"""Python programs in processes of their own that start at once.

A process that imports torch and transformers takes seconds before it does anything. The standard library's fork server
imports them once (`tests.warm`); each program is a fork of it, with its own arguments, environment, folder and streams. Tests
of how a program starts, or of what it imports, use `subprocess`.
"""

import io
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 600
"""Seconds until a program counts as stuck; a busy machine may need minutes."""
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.warm"])


class Program:
    """A running program.

    Args:
        arguments: a module after ``-m``, or a file, and its arguments, as after ``python``.
        environment: variables added to ours.
        cwd: the folder in which it runs.
        processes: how many processes torchrun starts of it; None without torchrun.
    """

    def __init__(
        self,
        arguments: Sequence[object],
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        processes: int | None = None,
    ) -> None:
        self.arguments = [str(argument) for argument in arguments]
        self._folder = tempfile.TemporaryDirectory()
        variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(environment or {})}
        given = (self.arguments, variables, str(cwd), self._folder.name, processes)
        self.process = _SERVER.Process(target=_begin, args=given)
        self.process.start()

    def runs(self) -> bool:
        """Whether it still runs."""
        return self.process.exitcode is None

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()

    def terminate(self) -> None:
        """Ask it to end, with SIGTERM."""
        self.process.terminate()

    def wait(self) -> subprocess.CompletedProcess[bytes]:
        """Its exit code and what it printed, once it has ended."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.arguments, PATIENCE)
        out, err = (Path(self._folder.name, name).read_bytes() for name in ("stdout", "stderr"))
        self._folder.cleanup()
        return subprocess.CompletedProcess(self.arguments, code, out, err)


def python(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and give what it printed as text; options as for `Program`."""
    done = Program(arguments, **options).wait()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def harness(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the harness to its end; options as for `Program`."""
    return python("-m", "harness", *arguments, **options)


def wait_until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return as soon as a condition holds, however busy the machine is.

    Raises:
        AssertionError: it did not hold within `PATIENCE` seconds.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come true in {PATIENCE} s"
        time.sleep(0.01)


def _begin(arguments: list[str], variables: dict[str, str], cwd: str, folder: str, processes: int | None) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(Path(folder, name), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(file, stream)
        os.close(file)
    encoding, _, errors = variables.get("PYTHONIOENCODING", "utf-8").partition(":")
    for name, descriptor, fallback in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
        setattr(sys, name, io.TextIOWrapper(raw, encoding, errors or fallback, line_buffering=True))
    if processes is None:
        _run(arguments)
    else:
        _launch(arguments, processes)


def _run(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def _launch(arguments: list[str], processes: int) -> None:
    """What ``torchrun --standalone`` does, with forks of this process as its workers."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id="tests",
        max_restarts=0,
        monitor_interval=0.1,
        start_method="fork",
    )
    elastic_launch(config, _run)(arguments)
