"""Time a store of many records: to decide which cells of a sweep remain, to read all records, and to report them.

python -m benchmarks.large_store --records 20000
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.cells.grids import Grid
from harness.cells.planned import Planned
from harness.report.files.publish import PAGE
from harness.scheduling.sweep import Sweep, cells_of
from harness.store import RunRecord, Store
from harness.store.record_file import sealed


def record_of(planned: Planned, chance: random.Random) -> RunRecord:
    """A record of the usual size, with random scores and no predictions."""
    metric = planned.task.metric
    scores = {
        split: {f"{metric}.{number}" if number else metric: chance.random() for number in range(30)}
        for split in ("dev", "test")
    }
    record = planned.failure("failed", "") | {
        "kind": "run",
        "status": "ok",
        "scores": scores,
        "losses": [[step, 1.23456789 / (step + 1)] for step in range(100)],
        "seconds": {"load": 1.0, "fit": 60.0},
        "predictions": None,
    }
    record["model"] |= {"params_total": 5_300_000, "params_non_embedding": 3_200_000}
    record["task"] |= {"fingerprint": "0" * 64, "metric": metric, "n_train": 1000, "n_dev": 100, "n_test": 100}
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description="a store of many records")
    parser.add_argument("--records", type=int, default=20_000)
    options = parser.parse_args()
    models, tasks, rates = ("avey-b", "bert", "roberta", "modernbert", "neobert"), ("ner", "span", "nli"), (1e-4, 5e-4)
    seeds = options.records // (len(models) * len(tasks) * len(rates)) + 1
    grid = Grid(models, tasks, rates, tuple(range(seeds)), recipe={"precision": "fp32"})
    with tempfile.TemporaryDirectory(prefix="large-store-") as folder:
        store = Store(folder)
        began = time.perf_counter()
        cells, _ = cells_of([grid])
        print(f"{len(cells)} cells planned in {time.perf_counter() - began:.2f} s")
        environment = cells[0].failure("failed", "")["environment"]
        import harness.machine.provenance

        harness.machine.provenance.environment = lambda: environment
        size, chance = 0, random.Random(0)
        for planned in cells:
            place = store.path_of(planned.cell)
            place.mkdir()
            content = sealed(record_of(planned, chance), None)
            size += len(content)
            (place / "run.json").write_bytes(content)
        print(f"records of {size / len(cells) / 1000:.1f} kB each")
        began = time.perf_counter()
        sweep = Sweep(cells, store, False, print)
        assert not sweep.to_run
        print(f"decided which cells remain in {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        assert len(list(store.records())) == len(cells)
        print(f"read all records in {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        report = Path(folder) / "report"
        command = [sys.executable, "-m", "harness", "report", "--out", folder, "--report", str(report)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds, files = time.perf_counter() - began, sum(1 for _ in report.rglob("*.*"))
        print(
            f"wrote the report in {seconds:.1f} s: {files} files, a page of {(report / PAGE).stat().st_size / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
