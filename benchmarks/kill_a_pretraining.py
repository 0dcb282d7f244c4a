"""Kill a pretraining again and again, and check that its weights are those of an undisturbed one.

    python -m benchmarks.kill_a_pretraining --kills 30

At random moments the run gets a SIGKILL and is started again. In the end its weights, and those of its branch, must equal
those of an undisturbed run in every bit.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.harness.pretraining.conftest import WORDS


def write_corpus(folder: Path) -> None:
    """Documents of made-up sentences."""
    chance = random.Random(0)
    folder.mkdir()
    for name, documents in {"a.txt": 400, "heldout.txt": 40}.items():
        texts = ("\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(4)) for _ in range(documents))
        (folder / name).write_text("\n\n".join(texts), encoding="utf-8")


def start(words: list[str], out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "pretrain", *words, "--out", str(out), "--store", str(out.parent / "store")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env=dict(os.environ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="kill a pretraining again and again")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--model", default="bert")
    parser.add_argument("--tokens", default="120K", help="long enough for all kills")
    parser.add_argument("--longest", type=float, default=20.0, help="seconds until a kill")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-a-pretraining-") as scratch:
        root = Path(scratch)
        write_corpus(root / "corpus")
        words = ["--model", options.model, "--corpus", str(root / "corpus"), "--tokens", options.tokens]
        words += ["--branch-at", "40K", "--batch-tokens", "1024", "--rows", "64:128", "--eval-tokens", "4096"]
        words += ["--passes", "1000", "--checkpoint-every", "0.2", "--precision", "bf16"]
        began = time.monotonic()
        assert start(words, root / "undisturbed").wait() == 0, "the undisturbed run failed"
        print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
        kills = rounds = 0
        while kills < options.kills or rounds == 0:
            rounds += 1
            kills += killed_until_done(words, root, rounds, options.kills - kills, options.longest, chance)
        print(f"{kills} kills in {rounds} runs; all of their weights as undisturbed")


def killed_until_done(
    words: list[str], root: Path, number: int, wanted: int, longest: float, chance: random.Random
) -> int:
    """Run into one folder until it ends, with at most this many kills on the way; returns their number."""
    kills = 0
    out = root / f"killed-{number}"
    while True:
        run = start(words, out)
        try:
            code = run.wait(chance.uniform(0.2, longest) if kills < wanted else None)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
            marks = sorted(path.parent.name for path in out.glob(".pretraining/*/*/complete"))
            print(f"kill {kills}: complete checkpoints {', '.join(marks) or 'none'}", flush=True)
            continue
        assert code == 0, f"the run failed with exit code {code}"
        for result in (".", "branch-40K"):
            theirs = (root / "undisturbed" / result / "model.safetensors").read_bytes()
            assert (out / result / "model.safetensors").read_bytes() == theirs, f"other weights in {result}"
        return kills


if __name__ == "__main__":
    main()
