"""Kill a sweep again and again, and check that its results are those of an undisturbed sweep.

    python -m benchmarks.kill_a_sweep --kills 30

Real training of small encoders on a small made-up dataset. At random moments the sweep itself or one of its children gets
a SIGKILL, and the sweep is started again. After each kill no child may be left, and every run in the store must be
complete. In the end records and predictions must equal those of an undisturbed sweep in every byte except timings.
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

import psutil

from harness.machine.processes import PARENT
from harness.store import Store

WORDS = ["the", "a", "train", "river", "met", "saw", "left", "near", "then", "said"]
NAMES = {"person": ["Ada", "Grace", "Alan"], "city": ["Paris", "Oslo", "Rome"]}
VARIES = ("seconds", "peak_memory_mib")
"""Keys in which two runs of one cell differ."""


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


def content(folder: Path) -> dict[str, str]:
    """All runs of a store with their predictions as JSON, by key, without the values that vary."""
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
    with tempfile.TemporaryDirectory(prefix="kill-a-sweep-") as scratch:
        write_dataset(Path(scratch) / "data" / "ner" / "names")
        arguments = ["--models", options.models, "--tasks", "ner/names", "--data-dir", f"{scratch}/data"]
        arguments += ["--seeds", options.seeds, "--max-steps", "12", "--max-length", "64"]
        arguments += ["--workers", options.workers, "--retry-failed"]
        began = time.monotonic()
        assert start(arguments, Path(scratch) / "undisturbed").wait() == 0, "the undisturbed sweep failed"
        expected = content(Path(scratch) / "undisturbed")
        print(f"undisturbed: {len(expected)} cells in {time.monotonic() - began:.0f} s", flush=True)
        killer = Killer(arguments, Path(scratch) / "killed", expected, options.kills, options.longest, options.seed)
        killer.kill_sweeps()
        killer.finish()


class Killer:
    """Starts sweeps into one store and kills them or their children.

    Args:
        arguments: of the sweep.
        out: the store.
        expected: content of the store of an undisturbed sweep.
        kills: to reach.
        longest: seconds until a kill.
        seed: of the moments.
    """

    def __init__(
        self, arguments: list[str], out: Path, expected: dict[str, str], kills: int, longest: float, seed: int
    ) -> None:
        self.arguments, self.out, self.expected, self.kills, self.longest = arguments, out, expected, kills, longest
        self.chance = random.Random(seed)
        self.killed = {"sweep": 0, "child": 0}

    @property
    def _done(self) -> bool:
        return sum(self.killed.values()) >= self.kills

    def kill_sweeps(self) -> None:
        """Run sweeps until there were enough kills."""
        while not self._done:
            sweep = start(self.arguments, self.out)
            while not self._done and self._still_runs(sweep):
                if self._kill_one(sweep) == "sweep":
                    break
            if self._done and sweep.poll() is None:
                sweep.wait()
            elif len(content(self.out)) == len(self.expected):
                for file in self.chance.sample(sorted(self.out.glob("*/run.json")), len(self.expected) // 2):
                    file.unlink()  # so that the next sweep has work to be killed at

    def _still_runs(self, sweep: subprocess.Popen[bytes]) -> bool:
        """Whether the sweep still runs after a random time."""
        try:
            sweep.wait(self.chance.uniform(0.2, self.longest))
        except subprocess.TimeoutExpired:
            return True
        return False

    def _kill_one(self, sweep: subprocess.Popen[bytes]) -> str:
        """Kill the sweep or one of its children, and check the processes and the store; returns which was killed."""
        process = psutil.Process(sweep.pid)
        children = process.children()
        victim = "child" if children and self.chance.random() < 0.5 else "sweep"
        (self.chance.choice(children) if victim == "child" else process).kill()
        self.killed[victim] += 1
        if victim == "sweep":
            sweep.wait()
            left = psutil.wait_procs(children, timeout=10)[1]
            assert not left, f"children outlived their sweep: {left}"
        found = content(self.out)
        wrong = [key for key in found if found[key] != self.expected.get(key)]
        assert not wrong, f"different from the undisturbed sweep: {wrong}"
        kills, cells = sum(self.killed.values()), f"{len(found)} of {len(self.expected)} cells done"
        print(f"kill {kills}: a {victim}; {cells}", flush=True)
        return victim

    def finish(self) -> None:
        """Run a last sweep to its end and check all results."""
        assert start(self.arguments, self.out).wait() == 0, "the last sweep failed"
        assert content(self.out) == self.expected, "the results differ from those of the undisturbed sweep"
        hidden = [path.name for path in self.out.iterdir() if path.name.startswith(".")]
        assert not hidden, f"left behind: {hidden}"
        sweeps, children = self.killed["sweep"], self.killed["child"]
        print(f"{sweeps} sweeps and {children} children killed; all {len(self.expected)} cells as undisturbed")


if __name__ == "__main__":
    main()
