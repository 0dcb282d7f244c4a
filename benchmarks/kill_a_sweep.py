"""Kill a sweep again and again, and see that it ends as if nobody had.

    python -m benchmarks.kill_a_sweep --kills 30

Real training of small encoders on a small made-up dataset. At random moments the sweep itself or one of its children gets
a SIGKILL; the sweep is started again; after each kill no child may be left and whatever the store calls a run must be a
whole one. In the end records and predictions must equal those of an undisturbed sweep in every byte but timings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from harness.machine.processes import PARENT
from harness.store import Store

WORDS = ["the", "a", "train", "river", "met", "saw", "left", "near", "then", "said"]
NAMES = {"person": ["Ada", "Grace", "Alan"], "city": ["Paris", "Oslo", "Rome"]}
VARIES = ("seconds", "peak_memory_mib")
"""What two runs of one cell differ in."""


def write_dataset(folder: Path) -> None:
    """Sentences in which every fifth word is a name."""
    chance = random.Random(0)
    folder.mkdir(parents=True)
    for split, sentences in {"train": 64, "dev": 16, "test": 16}.items():
        lines: list[str] = []
        for _ in range(sentences):
            for place in range(10):
                kind = chance.choice(list(NAMES))
                lines.append(
                    f"{chance.choice(NAMES[kind])}\tB-{kind}" if place % 5 == 4 else f"{chance.choice(WORDS)}\tO"
                )
            lines.append("")
        (folder / f"{split}.conll").write_text("\n".join(lines) + "\n", encoding="utf-8")


def content(folder: Path) -> dict[str, Any]:
    """All runs of a store by key, without what varies, and their predictions."""
    problems: list[str] = []
    store = Store(folder)
    runs = {}
    for record in store.records(on_problem=problems.append):
        kept = {name: value for name, value in record.items() if name not in VARIES}
        del kept["environment"]["git_revision"]  # somebody may commit while this runs
        runs[record["key"]] = json.dumps([kept, store.predictions(record)], sort_keys=True)
    assert not problems, problems
    return runs


def start(arguments: list[str], out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "sweep", *arguments, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env=os.environ | {PARENT: str(os.getpid())},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="kill a sweep again and again")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--models", default="bert,avey-b,modernbert")
    parser.add_argument("--seeds", default="0-3")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--longest", type=float, default=25.0, help="seconds until a kill")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-a-sweep-") as scratch:
        write_dataset(Path(scratch) / "data" / "ner" / "names")
        arguments = [
            "--models",
            options.models,
            "--tasks",
            "ner/names",
            "--data-dir",
            f"{scratch}/data",
            "--seeds",
            options.seeds,
        ]
        arguments += ["--max-steps", "12", "--max-length", "64", "--workers", options.workers, "--retry-failed"]
        began = time.monotonic()
        reference = start(arguments, Path(scratch) / "undisturbed")
        assert reference.wait() == 0, "the undisturbed sweep failed"
        expected = content(Path(scratch) / "undisturbed")
        print(f"undisturbed: {len(expected)} cells in {time.monotonic() - began:.0f} s", flush=True)
        out, killed = Path(scratch) / "killed", {"sweep": 0, "child": 0}
        while sum(killed.values()) < options.kills:
            sweep = start(arguments, out)
            while sum(killed.values()) < options.kills:
                try:
                    sweep.wait(chance.uniform(0.2, options.longest))
                    break  # it ended by itself
                except subprocess.TimeoutExpired:
                    pass
                process = psutil.Process(sweep.pid)
                children = process.children()
                victim = "child" if children and chance.random() < 0.5 else "sweep"
                (chance.choice(children) if victim == "child" else process).kill()
                killed[victim] += 1
                if victim == "sweep":
                    sweep.wait()
                    left = psutil.wait_procs(children, timeout=10)[1]
                    assert not left, f"children outlived their sweep: {left}"
                found = content(out)
                wrong = [key for key in found if found[key] != expected.get(key)]
                assert not wrong, f"not as undisturbed: {wrong}"
                print(
                    f"kill {sum(killed.values())}: a {victim}; {len(found)} of {len(expected)} cells done", flush=True
                )
                if victim == "sweep":
                    break
            if sum(killed.values()) >= options.kills and sweep.poll() is None:
                sweep.wait()
            elif len(content(out)) == len(expected):
                for folder in chance.sample(sorted(out.glob("*/run.json")), len(expected) // 2):
                    folder.unlink()  # so that there is something left to be killed at
        last = start(arguments, out)
        assert last.wait() == 0, "the last sweep failed"
        assert content(out) == expected, "the results differ from those of the undisturbed sweep"
        hidden = [path.name for path in out.iterdir() if path.name.startswith(".")]
        assert not hidden, f"left behind: {hidden}"
        print(f"{killed['sweep']} sweeps and {killed['child']} children killed; {len(expected)} cells as undisturbed")


if __name__ == "__main__":
    main()
