"""The harness with a quick stand-in for training, so that a cell takes tenths of a second: for tests of sweeps.

All else is real: the command line, planning, locks, the store. Seeds decide what happens:
90 is a crash, 91 a SIGKILL from outside, 92 a loss that is no number, 93 the end of memory, 94 wrong input, 95 no end,
96 a SIGKILL right after the result was stored.
"""

import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

import harness.pipelines.run_cell
from harness.cli import run_command
from harness.errors import InputError
from harness.machine import provenance
from harness.machine.processes import end_with_parent
from harness.store import PREDICTIONS, Store
from harness.store.record import run_record

SECONDS = float(os.environ.get("QUICK_SECONDS", "0.1"))
RUNS = os.environ.get("QUICK_RUNS")


write = Store.write


def write_and_die(*given: Any) -> None:
    write(*given)
    os.kill(os.getpid(), signal.SIGKILL)


class DivergedError(RuntimeError):
    pass


def run(planned: Any, *others: Any) -> Any:
    """What `harness.pipelines.pipeline.run` gives, made of the cell's key."""
    cell, task = planned.cell, planned.task
    if RUNS:
        (Path(RUNS) / f"{cell.key}-{os.getpid()}").touch()
    match cell.seed:
        case 90:
            raise TypeError("a bug\nof two lines")
        case 91:
            os.kill(os.getpid(), signal.SIGKILL)
        case 92:
            raise DivergedError("the training loss is nan at step 3")
        case 93:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
            )
        case 94:
            raise InputError("the examples are malformed")
        case 95:
            time.sleep(600)
        case 96:
            Store.write = write_and_die
    time.sleep(SECONDS)
    dev = int(cell.key[:4], 16) / 0xFFFF
    record = run_record(
        key=cell.key,
        model=planned.model | {"params_total": 2_000, "params_non_embedding": 1_000},
        task={
            "name": task.family,
            "dataset": cell.task,
            "origin": "test",
            "fingerprint": "f",
            "notes": [],
            "metric": task.metric,
            "options": {},
            "n_train": 1,
            "n_dev": 1,
            "n_test": 2000,
            "n_skipped": 0,
        },
        recipe=cell.recipe.as_record() | {"steps": 1, "resumed_from_step": 0},
        seed=cell.seed,
        tuned={},
        scores={"dev": {task.metric: dev}, "test": {task.metric: 1 - dev}},
        losses=[],
        seconds={"fit": time.monotonic()},
        peak_memory_mib=1.0,
        environment={"threads": int(os.environ["OMP_NUM_THREADS"])},
        predictions=PREDICTIONS,
    )
    rows = [{"split": "test", "id": number, "gold": cell.key, "predicted": "x" * 50} for number in range(2000)]
    return types.SimpleNamespace(record=record, predictions=rows)


def stand_in() -> None:
    """Put the stand-ins in place."""
    pipeline, training = types.ModuleType("harness.pipelines.pipeline"), types.ModuleType("harness.nn.training")
    pipeline.run, training.DivergedError = run, DivergedError  # type: ignore[attr-defined]
    sys.modules |= {"harness.pipelines.pipeline": pipeline, "harness.nn.training": training}
    harness.pipelines.run_cell.quiet_libraries = lambda: None
    provenance.environment = lambda: {"threads": 1}


if __name__ == "__main__":
    end_with_parent()
    stand_in()
    sys.exit(run_command(sys.argv[1:]))
